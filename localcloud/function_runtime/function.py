"""What a Lambda function is to the processes that run it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Function:
    """One version of a function, ready to run."""

    config: dict[str, Any]  # as GetFunctionConfiguration returns it
    code: str  # the directory of the unpacked deployment package
    variables: dict[str, str]  # its own environment variables and the credentials of its role

    @property
    def name(self) -> str:
        return str(self.config["FunctionName"])

    @property
    def version(self) -> str:
        return str(self.config.get("Version", "$LATEST"))

    @property
    def timeout(self) -> int:
        """Seconds that an invocation may take."""
        return int(self.config.get("Timeout", 3))

    @property
    def memory_mb(self) -> int:
        return int(self.config.get("MemorySize", 128))

    @property
    def ephemeral_storage_mb(self) -> int:
        """The size of its /tmp."""
        return int((self.config.get("EphemeralStorage") or {}).get("Size", 512))

    @property
    def logging(self) -> dict[str, str]:
        return self.config.get("LoggingConfig") or {}

    @property
    def logs_json(self) -> bool:
        return self.logging.get("LogFormat") == "JSON"

    @property
    def log_group(self) -> str:
        return self.logging.get("LogGroup") or f"/aws/lambda/{self.name}"
