"""Runs the command as a person would, in this process or in one of its own."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

FIXTURES = Path(__file__).parent.parent / "fixtures"
CLAUDE, CODEX = FIXTURES / "claude-code.jsonl", FIXTURES / "codex.jsonl"
CLAUDE_ID = "6f1c2a9e-4b7d-4e0a-9c35-1d2e3f405162"


class Command:
    """Runs ``sessionfs`` with a home directory and an environment of its own.

    ``run`` and what is built on it call the entry point in this process, which saves the start of an
    interpreter; ``process`` starts a real one, for what depends on that.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "COLUMNS": "100",
            "SESSIONFS_PAGER": "cat",  # nobody is there to leave a pager
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    def __call__(self, *arguments: str | Path, code: int = 0) -> str:
        done = self.run(*arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def run(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {**self.environment, **environment}
        with (
            open(os.devnull, "rb") as nothing,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            code = _call_main(arguments, given, nothing, out, err)
            return subprocess.CompletedProcess(arguments, code, _content(out), _content(err))

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def process(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "sessionfs", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**self.environment, **environment},
        )

    def on_a_terminal(self, *arguments: str | Path, columns: int) -> str:
        """Run on a real pseudo-terminal and return what it shows, without colours."""
        _, shown = self.terminal(*arguments, COLUMNS=str(columns))
        return re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n")

    def terminal(
        self, *arguments: str | Path, piped: bool = False, **environment: str
    ) -> tuple[str, str]:
        """Run on a real pseudo-terminal, or all but standard output; return what is piped and shown."""
        given = {"TERM": "xterm-256color", **self.environment, **environment}
        leader, follower = pty.openpty()
        shown: list[bytes] = []
        reader = threading.Thread(target=lambda: shown.append(_shown_on(leader)))
        reader.start()
        with open(follower, "rb", buffering=0) as terminal, tempfile.TemporaryFile() as out:
            code = _call_main(arguments, given, terminal, out if piped else terminal, terminal)
            printed = _content(out)
        reader.join()
        assert code == 0, shown
        return printed, shown[0].decode()


def _shown_on(leader: int) -> bytes:
    """Return all that is written to a pseudo-terminal, and close it."""
    shown = b""
    with os.fdopen(leader, "rb", buffering=0) as terminal, suppress(OSError):  # at the end of it
        while chunk := terminal.read(1 << 16):
            shown += chunk
    return shown


def _content(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="surrogateescape")


def _call_main(
    arguments: Sequence[str | Path],
    environment: Mapping[str, str],
    stdin: BinaryIO,
    stdout: BinaryIO,
    stderr: BinaryIO,
) -> int:
    """Call the entry point as a new process would, and return its exit code."""
    from sessionfs.cli import main

    with _process_state(), _descriptors(stdin, stdout, stderr):
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["sessionfs", *map(str, arguments)]
        sys.stdin, sys.stdout, sys.stderr = _stream(0), _stream(1), _stream(2)
        try:
            main()
        except SystemExit as ended:
            if ended.code is None or isinstance(ended.code, int):
                return ended.code or 0
            print(ended.code, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        else:
            return 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        return 1


@contextmanager
def _process_state() -> Iterator[None]:
    """Leave what a command changes of its process as it was before."""
    environment, arguments, hook = dict(os.environ), sys.argv, sys.excepthook
    streams = sys.stdin, sys.stdout, sys.stderr
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGPIPE)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv, sys.excepthook = arguments, hook
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _descriptors(*files: BinaryIO) -> Iterator[None]:
    """Put these files where a process has its standard ones: its children write there too."""
    before = [os.dup(number) for number in range(len(files))]
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        yield
    finally:
        for number, saved in enumerate(before):
            os.dup2(saved, number)
            os.close(saved)


def _stream(descriptor: int) -> io.TextIOWrapper:
    """Open a standard stream as Python does where no locale is set, or ``PYTHONIOENCODING`` is."""
    given = os.environ.get("PYTHONIOENCODING")
    encoding, _, errors = (given or "utf-8:surrogateescape").partition(":")
    raw = open(descriptor, "wb" if descriptor else "rb", buffering=0, closefd=False)  # noqa: SIM115
    buffered = io.BufferedWriter(raw) if descriptor else io.BufferedReader(raw)
    return io.TextIOWrapper(
        buffered,
        encoding,
        "backslashreplace" if descriptor == 2 else errors or "strict",
        line_buffering=descriptor == 2 or raw.isatty(),
    )
