"""How states fail, and which retriers and catchers match."""

from collections.abc import Sequence

RUNTIME = "States.Runtime"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
EVALUATION_FAILED = "States.QueryEvaluationError"
# "An error of this type isn't retriable, and will always cause the execution to fail"; States.ALL "can't catch the
# States.DataLimitExceeded terminal error" (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
MATCHED_BY_NAME_ONLY = (DATA_LIMIT_EXCEEDED, RUNTIME)


class StateFailedError(Exception):
    """When a state fails: with what its retriers and catchers match, and what the execution fails with."""

    def __init__(self, error: str | None, cause: str | None, also: str | None = None) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.also = also  # a second name that retriers and catchers may give it

    @property
    def output(self) -> dict[str, str]:
        """What a catcher gets; both fields are always there."""
        return {"Error": self.error or "", "Cause": self.cause or ""}

    @property
    def is_runtime(self) -> bool:
        """Whether it ends the execution at once: its branches and iterations record nothing more."""
        return self.error == RUNTIME

    def matches(self, names: Sequence[str]) -> bool:
        """Return whether a retrier or catcher with these names in ErrorEquals matches."""
        if self.error in names or (self.also is not None and self.also in names):
            return True
        if self.error in MATCHED_BY_NAME_ONLY:
            return False
        return "States.ALL" in names or ("States.TaskFailed" in names and self.error != TIMEOUT)


class TaskFailedError(StateFailedError):
    """When what a Task state called fails; the task records its name and cause."""


def data_limit_exceeded(name: str) -> StateFailedError:
    """Return the failure of a state or task whose result or output is too large."""
    return StateFailedError(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit.",
    )
