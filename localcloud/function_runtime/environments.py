"""Execution environments of Lambda: processes in which AWS's own runtime client runs a function, within its limits."""

import math
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime

from localcloud.function_runtime import process as function_process
from localcloud.function_runtime.function import Function
from localcloud.function_runtime.outcomes import Invocation, Outcome, answer
from localcloud.function_runtime.runtime_api import Message, RuntimeApi

INIT_SECONDS = 10  # AWS's limit of the init phase; the rest of it counts against the function's timeout
PEAK_MEMORY = re.compile(rb"VmHWM:\s*(\d+) kB")
STATUS_BYTES = 8192  # more than the system writes
POLL_SECONDS = 0.02  # how often a running function's memory and output are read


class ExecutionEnvironment:
    """Runs one invocation at a time, and stays warm for the next."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        self._memory_limit = function.memory_mb * 1024  # KiB
        self._process: subprocess.Popen[bytes] | None = None
        self._api: RuntimeApi | None = None
        self._status = -1  # the open file of the system's facts about the process
        self._tmp = ""  # the directory of its /tmp where it has no mount
        self._output: list[str] = []  # of the invocation under way
        self._memory = 0  # KiB
        self._exit_code = 0
        self._partial = b""  # a line of output that has not ended
        self._busy = threading.Lock()
        self._discarded = False

    def discard(self) -> None:
        """End the process now, or when the invocation under way has ended."""
        self._discarded = True
        if self._busy.acquire(blocking=False):
            self._stop()
            self._busy.release()

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the function once; a process that does not survive is replaced at the next invocation."""
        with self._busy:
            outcome = self._invoke(invocation)
        if self._discarded:
            self.discard()
        return outcome

    def _invoke(self, invocation: Invocation) -> Outcome:
        self._output = []
        timeout = self.function.timeout
        init_ms, message = self._initialize()
        begin = time.monotonic()
        if message.kind in ("ready", "timeout"):
            message = self._run(invocation, message)
        duration_ms = timeout * 1000.0 if message.kind == "timeout" else (time.monotonic() - begin) * 1000
        if message.kind not in ("response", "error"):
            self._stop()
        answered = answer(message, invocation.request_id, timeout, self._exit_code)
        return Outcome(
            request_id=invocation.request_id,
            status=answered.status,
            payload=answered.payload,
            error_type=answered.error_type,
            output=self._output,
            duration_ms=duration_ms,
            init_ms=init_ms,
            memory_mb=math.ceil(min(self._memory, self._memory_limit) / 1024),
        )

    def _initialize(self) -> tuple[float | None, Message]:
        """Start the process unless it runs; returns the milliseconds of the init phase and how the phase ended."""
        if self._process is not None and self._process.poll() is None:
            return None, Message("ready")
        self._stop()
        begin = time.monotonic()
        self._memory, self._partial = 0, b""
        self._api = RuntimeApi()
        self._tmp = tempfile.mkdtemp(prefix="function-tmp-")
        self._process = function_process.start(self.function, self._api.port, self.log_stream, self._tmp)
        self._status = os.open(f"/proc/{self._process.pid}/status", os.O_RDONLY)
        message = self._wait(INIT_SECONDS)
        return (time.monotonic() - begin) * 1000, message

    def _run(self, invocation: Invocation, init: Message) -> Message:
        """Hand the event over and return the message that ends the invocation."""
        assert self._api is not None
        timeout = self.function.timeout
        deadline = time.monotonic() + timeout
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            **({"Lambda-Runtime-Trace-Id": invocation.trace_id} if invocation.trace_id else {}),
        }
        self._api.hand_over(headers, invocation.event)
        message = init
        while message.kind == "ready" or message is init:  # after an answer, the process asks for the next event
            message = self._wait(deadline - time.monotonic())
        return message

    def _wait(self, seconds: float) -> Message:
        """Return what happens next, and read the process's output and memory meanwhile."""
        assert self._api is not None and self._process is not None
        deadline = time.monotonic() + seconds
        message = None
        while message is None:
            ended = self._process.poll() is not None  # asked first: an answer may come before the end
            message = self._api.receive(0 if ended else POLL_SECONDS)
            if message is None and ended:
                message = Message("exit")
            elif message is None and time.monotonic() > deadline:
                message = Message("timeout")
            self._output += self._read_output()
            if self._read_memory() > self._memory_limit:
                message = Message("memory")
        return message

    def _read_output(self) -> list[str]:
        """Return the lines written since the last call; when an answer arrives, all output before it is in the pipe."""
        assert self._process is not None and self._process.stdout is not None
        self._partial += self._process.stdout.read() or b""
        *lines, self._partial = self._partial.split(b"\n")
        # The runtime client separates the lines of one message with carriage returns.
        return [line.decode(errors="replace").replace("\r", "\n") for line in lines if line]

    def _read_memory(self) -> int:
        """Return the most memory that the process has used, in KiB: its resident set, not its address space."""
        try:
            status = os.pread(self._status, STATUS_BYTES, 0)
        except OSError:  # it has ended
            return self._memory
        peak = PEAK_MEMORY.search(status)
        self._memory = int(peak[1]) if peak else self._memory
        return self._memory

    def _stop(self) -> None:
        """End the process, whatever its state; the next invocation starts another one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            self._exit_code = process.wait()
            assert process.stdout is not None
            process.stdout.close()
            os.close(self._status)
            shutil.rmtree(self._tmp, ignore_errors=True)
        api, self._api = self._api, None
        if api is not None:
            api.stop()
