"""``sessionfs watch``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from sessionfs import CreateSessionRequest, FileStorage

from ..command import Command


def test_watch_prints_a_line_for_each_event_until_it_is_interrupted(imported: Command) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    for arguments, expected in (
        (["--json"], ["session_created", "checkpoint_created", "active_changed"]),
        ([], ["created", "checkpoint", "active"]),
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "sessionfs", "watch", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=imported.environment,
            # A shell that starts us in the background has interrupts ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith("watching ")
        session = storage.create_session(CreateSessionRequest("Peas", [{"role": "user"}])).session_id
        lines = [process.stdout.readline() for _ in expected]
        if arguments:
            assert [json.loads(line)["event"] for line in lines] == expected
        else:
            assert [line.split()[2] for line in lines] == expected
            assert "Peas" in lines[0]
        assert all(str(session) in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors.strip()) == (130, "Aborted!" if errors.strip() else "")
