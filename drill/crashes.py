"""Kill -9 of each step and of the local cloud: the same command goes on, and nothing runs on unnoticed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from drill.finding import Finding
from drill.workplace import STACK, Done, Workplace, kill, workplace

# Each step with what makes it short, and how many seconds after its first line it is killed.
STEPS = (
    (("stage", "--archive", "sample"), 0.7),
    (("train", "--epochs", "6"), 4.0),
    (("deploy",), 1.5),
    (("test", "--executions", "40"), 2.0),
    (("monitor",), 0.3),
)


def findings() -> Iterator[Finding]:
    with workplace() as place:
        for words, seconds in STEPS:
            yield kill_step(place, words, seconds)
        yield kill_server_while_training(place)
        yield kill_server_during_executions(place)
        yield kill_everything(place)


def kill_step(place: Workplace, words: tuple[str, ...], seconds: float) -> Finding:
    """Kill a step in the middle and run the same command again."""
    jobs_before = len(training_jobs(place)) if words[0] == "train" else 0
    process = place.start(*place.step_command(*words))
    wait_for_line(process, words[0])
    time.sleep(seconds)
    ended_before = process.poll() is not None
    kill(process)
    again = place.step(*words)
    happened = f"{'ended before' if ended_before else f'killed after {seconds:g} s'}; then {describe(again)}"
    as_designed = again.status == 0
    if words[0] == "train":
        jobs = len(training_jobs(place)) - jobs_before
        happened += f"; training jobs started: {jobs}"
        as_designed = as_designed and jobs == 1
    return Finding(f"kill -9 of the step {words[0]}", happened, as_designed)


def wait_for_line(process: subprocess.Popen[str], word: str) -> None:
    """Return when the command has printed a line that begins with a word."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return


def kill_server_while_training(place: Workplace) -> Finding:
    process = place.start(*place.step_command("train", "--epochs", "60", "--seed", "1"))
    wait_for_line(process, "Training job")
    time.sleep(5)
    os.kill(place.server(), signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    place.localcloud("up")
    newest = training_jobs(place)[0]
    again = place.step("train", "--epochs", "6")
    happened = f"job {newest['TrainingJobStatus']}; step ended with {process.returncode}; then {describe(again)}"
    is_clear = process.returncode == 1 and "Traceback" not in output
    as_designed = is_clear and newest["TrainingJobStatus"] == "Failed" and again.status == 0
    return Finding("kill -9 of the cloud's server during training", happened, as_designed)


def kill_server_during_executions(place: Workplace) -> Finding:
    place.step("deploy")
    process = place.start(*place.step_command("test", "--executions", "200"))
    wait_for_line(process, "test")
    time.sleep(2)
    os.kill(place.server(), signal.SIGKILL)
    output, _ = process.communicate(timeout=180)
    place.localcloud("up")
    running = running_executions(place)
    again = place.step("test", "--executions", "20")
    happened = f"{running} executions run on; step ended with {process.returncode}; then {describe(again)}"
    is_clear = process.returncode == 1 and "Traceback" not in output
    return Finding(
        "kill -9 of the cloud's server during executions", happened, is_clear and running == 0 and again.status == 0
    )


def kill_everything(place: Workplace) -> Finding:
    """Kill the server together with all that it started; the endpoint comes back on the same port."""
    before = port(place)
    os.killpg(os.getpgid(place.server()), signal.SIGKILL)
    up = place.localcloud("up")
    sagemaker = place.client("sagemaker")
    deadline = time.monotonic() + 60
    while (status := sagemaker.describe_endpoint(EndpointName=STACK)["EndpointStatus"]) != "InService":
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    happened = f"up ended with {up.status}; port {before} then {port(place)}; endpoint {status}"
    as_designed = up.status == 0 and port(place) == before and status == "InService"
    return Finding("kill -9 of all processes of the cloud", happened, as_designed)


def describe(done: Done) -> str:
    """Return how a command ended, in a few words."""
    return f"the same command ended with {done.status} in {done.seconds:.0f} s"


def training_jobs(place: Workplace) -> list[dict[str, str]]:
    """Return the stack's training jobs, the newest first."""
    found: list[dict[str, str]] = place.client("sagemaker").list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    return found


def running_executions(place: Workplace) -> int:
    stepfunctions = place.client("stepfunctions")
    (machine,) = stepfunctions.list_state_machines()["stateMachines"]
    arn = machine["stateMachineArn"]
    return len(stepfunctions.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"])


def port(place: Workplace) -> str:
    found = re.search(r"127\.0\.0\.1:(\d+)", place.localcloud("status").output)
    return found[1] if found else "none"


def main() -> int:
    from drill.table import show

    return show(findings())


if __name__ == "__main__":
    sys.exit(main())
