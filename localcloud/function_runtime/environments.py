"""Execution environments of Lambda: processes in which AWS's own runtime client runs a function, within its limits."""

import json
import math
import queue
import signal
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ministack.services import lambda_svc

from localcloud.function_runtime import process as lambda_process
from localcloud.function_runtime.runtime_api import Message, RuntimeServer

INIT_SECONDS = 10  # AWS's limit of the init phase; what is missing then counts against the function's timeout
POLL_SECONDS = 0.02  # how often a running function's memory and output are read
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100  # bytes


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended."""

    request_id: str
    status: str  # success, error or timeout, as in platform.report
    payload: bytes  # JSON
    error_type: str  # of the platform (Runtime.*, Function.*, Sandbox.*); "" for an exception of the handler
    output: list[str]  # what the function wrote, one element per event of its log
    duration_ms: float
    init_ms: float | None  # None when the environment was warm
    memory_mb: int  # the most that the process has used

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds; since August 2025 AWS bills the init phase too."""
        return math.ceil(self.duration_ms + (self.init_ms or 0))


class Environment:
    """One concurrent invocation's place to run, kept warm for the next.

    MiniStack's pool keeps it: the constructor, `config`, `in_use`, `last_used`, `_proc` and `_discard_tmpdir` are
    what the pool uses.
    """

    _proc = None  # what the pool would end at once when the function is updated or deleted

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        self.config = config
        self.in_use = False
        self.last_used = 0.0
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{config.get('Version', '$LATEST')}]{uuid.uuid4().hex}"
        self._code = lambda_svc._provided_runtime_code_dir(code_zip)
        self._memory_limit = int(config.get("MemorySize", 128)) * 1024  # KiB
        self._process: subprocess.Popen[bytes] | None = None
        self._server: RuntimeServer | None = None
        self._memory = 0  # KiB
        self._exit_code = 0
        self._partial = b""
        self._busy = threading.Lock()
        self._discarded = False

    def _discard_tmpdir(self) -> None:
        """End the environment, as soon as it is free: the pool has dropped it."""
        self._discarded = True
        if self._busy.acquire(blocking=False):
            self._stop()
            self._busy.release()

    def invoke(self, event: Any, request_id: str, trace_id: str | None) -> Outcome:
        """Run the function once; a process that does not survive is replaced at the next invocation."""
        with self._busy:
            outcome = self._invoke(event, request_id, trace_id)
        if self._discarded:
            self._discard_tmpdir()
        return outcome

    def _invoke(self, event: Any, request_id: str, trace_id: str | None) -> Outcome:
        output: list[str] = []
        timeout = int(self.config.get("Timeout", 3))
        init_ms, message = self._initialize(output)
        begin = time.monotonic()
        if message.kind in ("ready", "timeout"):
            message = self._run(event, request_id, trace_id, timeout, message, output)
        duration_ms = timeout * 1000.0 if message.kind == "timeout" else (time.monotonic() - begin) * 1000
        if message.kind not in ("response", "error"):
            self._stop()
        status, error_type, payload = self._judge(message, request_id, timeout)
        memory_mb = math.ceil(min(self._memory, self._memory_limit) / 1024)
        return Outcome(request_id, status, payload, error_type, output, duration_ms, init_ms, memory_mb)

    def _initialize(self, output: list[str]) -> tuple[float | None, Message]:
        """Start the process unless it runs; returns the milliseconds of the init phase and how it ended."""
        if self._process is not None and self._process.poll() is None:
            return None, Message("ready")
        self._stop()
        begin = time.monotonic()
        self._memory, self._partial = 0, b""
        self._server = RuntimeServer()
        self._process = lambda_process.start(self.config, self._code, self._server.server_port, self.log_stream)
        message = self._wait(INIT_SECONDS, output)
        return (time.monotonic() - begin) * 1000, message

    def _run(
        self, event: Any, request_id: str, trace_id: str | None, timeout: int, init: Message, output: list[str]
    ) -> Message:
        """Hand the event over and wait for the answer."""
        assert self._server is not None
        deadline = time.monotonic() + timeout
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.config["FunctionArn"],
            **({"Lambda-Runtime-Trace-Id": trace_id} if trace_id else {}),
        }
        self._server.invocations.put((headers, json.dumps(event, ensure_ascii=False).encode()))
        message = init
        while message.kind == "ready" or message is init:  # after an answer, the process asks for the next event
            message = self._wait(deadline - time.monotonic(), output)
        return message

    def _wait(self, seconds: float, output: list[str]) -> Message:
        """Return what happens next, reading the process's output and memory meanwhile."""
        assert self._server is not None and self._process is not None
        deadline = time.monotonic() + seconds
        message = None
        while message is None:
            ended = self._process.poll() is not None  # asked first: an answer may come before the end
            try:
                message = self._server.messages.get(timeout=0 if ended else POLL_SECONDS)
            except queue.Empty:
                if ended:
                    message = Message("exit")
                elif time.monotonic() > deadline:
                    message = Message("timeout")
            output += self._read_output()
            if self._read_memory() > self._memory_limit:
                message = Message("memory")
        return message

    def _read_output(self) -> list[str]:
        """Return the lines written since the last call; what precedes an answer is in the pipe when it arrives."""
        assert self._process is not None and self._process.stdout is not None
        self._partial += self._process.stdout.read() or b""
        *lines, self._partial = self._partial.split(b"\n")
        # The runtime client separates the lines of one message with carriage returns.
        return [line.decode(errors="replace").replace("\r", "\n") for line in lines if line]

    def _read_memory(self) -> int:
        """Return the most memory that the process has used, in KiB: its resident set, not its address space."""
        assert self._process is not None
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:  # it has ended
            return self._memory
        peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
        self._memory = int(peak.split()[1]) if peak else self._memory
        return self._memory

    def _judge(self, message: Message, request_id: str, timeout: int) -> tuple[str, str, bytes]:
        """Return status, the platform's error type and payload, in AWS's words."""
        if message.kind == "response" and len(message.payload) <= RESPONSE_LIMIT:
            return "success", "", message.payload
        if message.kind == "error":
            return "error", "", message.payload
        if message.kind == "init_error":
            return "error", json.loads(message.payload)["errorType"], message.payload
        if message.kind == "response":
            sentence = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            return "error", "Function.ResponseSizeTooLarge", failure("Function.ResponseSizeTooLarge", sentence)
        if message.kind == "timeout":
            sentence = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
            return "timeout", "", failure("Sandbox.Timedout", sentence)
        sentence = f"RequestId: {request_id} Error: {self._last_words()}"
        error_type = "Runtime.OutOfMemory" if message.kind == "memory" else "Runtime.ExitError"
        return "error", error_type, failure(error_type, sentence)

    def _last_words(self) -> str:
        code = self._exit_code
        if code == 0:
            return "Runtime exited without providing a reason"
        how = f"exit status {code}" if code > 0 else f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
        return f"Runtime exited with error: {how}"

    def _stop(self) -> None:
        """End the process, however it is; the next invocation starts another one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            self._exit_code = process.wait()
            assert process.stdout is not None
            process.stdout.close()
        server, self._server = self._server, None
        if server is not None:
            server.stop()


def failure(error_type: str, sentence: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": sentence}).encode()
