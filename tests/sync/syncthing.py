"""Two Syncthing processes that know each other and nobody else, on this machine's loopback."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from .machines import PATIENCE, Machine

FOLDER = "sessionfs"
"""What the commands of the document call it."""

_HOST, _KEY = "127.0.0.1", "of-this-test"
_DEVICE = re.compile(r"(?:[A-Z2-7]{7}-){7}[A-Z2-7]{7}")
_DIRECTLY = build_opener(ProxyHandler({}))
_CONFIG = """\
<configuration version="36">
  <device id="{device}" name="{name}"></device>
  <gui enabled="true" tls="false"><address>{host}:{gui}</address><apikey>{key}</apikey></gui>
  <options>
    <listenAddress>tcp://{host}:{port}</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled>
    <announceLANAddresses>false</announceLANAddresses>
    <relaysEnabled>false</relaysEnabled>
    <natEnabled>false</natEnabled>
    <stunKeepaliveStartS>0</stunKeepaliveStartS>
    <crashReportingEnabled>false</crashReportingEnabled>
    <urAccepted>-1</urAccepted>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
    <startBrowser>false</startBrowser>
    <reconnectionIntervalS>1</reconnectionIntervalS>
  </options>
</configuration>
"""


class Node:
    """Syncthing on a machine, with its settings where a user has them.

    Attributes:
        device: by which others know it.

    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._home = machine.home / ".config" / "syncthing"
        self._port, self._gui = _free_port(), _free_port()
        self.device = self._generate()
        config = _CONFIG.format(
            device=self.device, name=machine.name, host=_HOST, port=self._port, gui=self._gui, key=_KEY
        )
        (self._home / "config.xml").write_text(config)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, without the process that would watch over it and start another one."""
        with (self._home / "log").open("wb") as log:
            return subprocess.Popen(
                ["syncthing", "serve", "--no-browser"],
                stdout=log,
                stderr=log,
                env={**self._environment(), "STMONITORED": "yes", "STNOUPGRADE": "1"},
            )

    def ask(self, path: str, *, method: str = "GET", data: object = None) -> Any:
        """Return what its interface for programs answers."""
        request = Request(
            f"http://{_HOST}:{self._gui}/rest/{path}",
            data=None if data is None else json.dumps(data).encode(),
            method=method,
            headers={"X-API-Key": _KEY, "Content-Type": "application/json"},
        )
        with _DIRECTLY.open(request, timeout=PATIENCE) as answer:
            told = answer.read()
        return json.loads(told) if told else None

    def answers(self) -> bool:
        try:
            return bool(self.ask("system/ping"))
        except (URLError, ConnectionError):
            return False

    def knows_where(self, other: Node) -> None:
        """Tell it the address that it would else be told by a server, or find in its network."""
        address = f"tcp://{_HOST}:{other._port}"
        self.ask(f"config/devices/{other.device}", method="PATCH", data={"addresses": [address]})
        # A file that was gone when it was fetched is asked for again after a second, and not a minute.
        self.ask(f"config/folders/{FOLDER}", method="PATCH", data={"pullerPauseS": 1})

    def is_connected(self, other: Node) -> bool:
        return bool(self.ask("system/connections")["connections"][other.device]["connected"])

    def look(self) -> None:
        """Look for changes at once, as it does by itself in some seconds."""
        self.ask(f"db/scan?folder={FOLDER}", method="POST")

    def has_sent_all(self, other: Node) -> bool:
        """Tell whether the other one has, as it said itself, all that this one knows of."""
        there = self.ask(f"db/completion?folder={FOLDER}&device={other.device}")
        here = self.ask(f"db/status?folder={FOLDER}")
        return bool(
            there["completion"] == 100 and here["state"] == "idle" and not here["needTotalItems"]
        )

    def _generate(self) -> str:
        made = subprocess.run(
            ["syncthing", "generate"],
            check=True,
            capture_output=True,
            text=True,
            env=self._environment(),
        )
        match = _DEVICE.search(made.stdout + made.stderr)
        assert match, made
        return match[0]

    def _environment(self) -> dict[str, str]:
        return {"HOME": str(self.machine.home), "PATH": os.environ["PATH"]}


class Pair:
    """Two nodes at work; what they share is said by the commands of the document."""

    def __init__(self, one: Machine, other: Machine) -> None:
        self.one, self.other = Node(one), Node(other)
        self._nodes = (self.one, self.other)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with ExitStack() as started:
            started.callback(self._end)
            for node in self._nodes:
                self._processes.append(node.start())
            until(lambda: all(node.answers() for node in self._nodes))
            started.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def introduce(self) -> None:
        """Tell each where the other one is, and wait until they have met."""
        self.one.knows_where(self.other)
        self.other.knows_where(self.one)
        until(self._is_connected)

    def apart(self) -> None:
        """Take the connection away, as if one machine were carried out of the house."""
        self.one.ask(f"system/pause?device={self.other.device}", method="POST")
        until(lambda: not self._is_connected())

    def together(self) -> None:
        """Let them meet again, and return when each has all that the other has."""
        self.one.ask(f"system/resume?device={self.other.device}", method="POST")
        until(self._is_connected)
        self.settle()

    def settle(self) -> None:
        """Return when each has all that the other has."""
        for node in self._nodes:
            node.look()
        until(self._is_settled)

    def _is_connected(self) -> bool:
        return self.one.is_connected(self.other) and self.other.is_connected(self.one)

    def _is_settled(self) -> bool:
        return self.one.has_sent_all(self.other) and self.other.has_sent_all(self.one)

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(happened: Callable[[], bool]) -> None:
    """Ask again and again until something has happened."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((_HOST, 0))
        port: int = found.getsockname()[1]
        return port
