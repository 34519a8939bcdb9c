"""A process that has the package imported and forks others: starting one costs a millisecond.

Run as a module it is that process. It takes requests from its standard input, a line of JSON each, and
answers with a line of JSON: a function is run in a fork, which may be traced, or killed at any moment.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

Tell = Callable[[dict[str, Any]], None]
"""Tells the test something at once: what was told before a kill has been told."""

Job = Callable[[dict[str, Any], Tell], None]
"""What a fork does."""

HERE = Path(__file__).parents[2]
_ALLOW_TRACING = 0x59616D61, ctypes.c_ulong(-1)


class Ended(NamedTuple):
    """How a fork ended: what it told, the signal that killed it (0: none), and its system calls."""

    told: list[dict[str, Any]]
    killed_by: int
    trace: list[str]


class NotTraceableError(Exception):
    """The system does not let one process trace another."""


class Forks:
    """The other end, in the test: starts the process, and ends it with everything that it started.

    Args:
        warm_up: ``module:function``, called once before anything is forked, to import what is needed.

    """

    def __init__(self, warm_up: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, warm_up],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(self, job: str, arguments: dict[str, Any], *, strace: list[str] | None = None) -> Ended:
        """Run ``module:function`` in a fork, to its end; traced with these options, if any."""
        answer = self._ask(order="run", job=job, arguments=arguments, strace=strace)
        if "refused" in answer:
            raise NotTraceableError(answer["refused"])
        return Ended(answer["told"], answer["killed_by"], answer["trace"].splitlines())

    def start(self, job: str, arguments: dict[str, Any]) -> int:
        """Start ``module:function`` in a fork, and return its process id."""
        pid: int = self._ask(order="start", job=job, arguments=arguments)["pid"]
        return pid

    def kill(self, pid: int) -> int:
        """Kill a fork that was started, and return what ended it: a signal, or 0 if it had before."""
        killed_by: int = self._ask(order="kill", pid=pid)["killed_by"]
        return killed_by

    def _ask(self, **request: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def _fork(job: str, arguments: dict[str, Any], channel: socket.socket | None) -> int:
    """Run a job in a fork; with a channel it begins when the other side sends something."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        # What is told is sent, not written: a system call that no fault of a test is put into.
        def tell(something: dict[str, Any]) -> None:
            if channel is not None:
                channel.sendall(json.dumps(something).encode() + b"\n")

        if channel is not None:
            ctypes.CDLL(None).prctl(*_ALLOW_TRACING, 0, 0, 0)  # Yama lets only ancestors otherwise
            # Ready: what libraries do after a fork is over, and is not among the calls that are traced.
            channel.send(b"!")
            channel.recv(1)
        _named(job)(arguments, tell)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def _named(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


def _run(job: str, arguments: dict[str, Any], strace: list[str] | None) -> dict[str, Any]:
    ours, theirs = socket.socketpair()
    pid = _fork(job, arguments, theirs)
    theirs.close()
    with ours, tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as trace:
        ours.recv(1)
        tracer = None
        if strace is not None:
            command = ["strace", "-y", "-s", "0", "-o", trace.name, "-p", str(pid), *strace]
            tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            assert tracer.stderr is not None
            said = tracer.stderr.readline()
            if "attached" not in said:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                _, rest = tracer.communicate()
                return {"refused": said + rest}
        ours.send(b"!")
        told = b""
        while part := ours.recv(1 << 20):
            told += part
        _, status = os.waitpid(pid, 0)
        if tracer is not None:
            tracer.communicate()
        return {
            "told": [json.loads(line) for line in told.splitlines()],
            "killed_by": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            "trace": trace.read(),
        }


def _kill(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def main() -> None:
    """Answer requests until there are no more; then end what was started."""
    _named(sys.argv[1])()
    started: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        order = request.pop("order")
        if order == "run":
            answer = _run(**request)
        elif order == "start":
            answer = {"pid": _fork(request["job"], request["arguments"], None)}
            started.add(answer["pid"])
        else:
            started.remove(request["pid"])
            answer = {"killed_by": _kill(request["pid"])}
        print(json.dumps(answer), flush=True)
    for pid in started:
        _kill(pid)


if __name__ == "__main__":
    main()
