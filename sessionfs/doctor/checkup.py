"""A whole store: every session looked at, the root last, and repairs until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from .. import files
from ..clock import wall_clock
from ..errors import StorageError
from ..models import Severity, VerifyResult
from ..objects import ObjectCache
from ..root import SESSIONS, Root
from ..session import Environment, SessionDirectory
from . import root as roots
from .kinds import Found, found
from .objects import Reading
from .session import Examined, examine

Progress = Callable[[int, int], object]
"""Is told how many of how many sessions are done."""

_ROUNDS = 4
"""How often a session is looked at again: what was adopted can make more possible, twice at most."""

_OTHERS = 0o077
_ORDER = list(Severity)


class Checkup:
    """Looks at a store, and repairs it if it is told to.

    Args:
        root: the store's.
        environment: what its sessions share; what it holds in memory is not relied upon.
        reading: which objects are read.
        sources: the roots of other stores that may have sound copies.
        repairing: whether what can be done is done.

    """

    def __init__(
        self,
        root: Root,
        environment: Environment,
        reading: Reading,
        sources: list[str],
        *,
        repairing: bool,
    ) -> None:
        self._root = root
        self._environment = environment._replace(cache=ObjectCache(0))
        self._reading = reading
        self._sources = sources
        self._repairing = repairing
        self._result = VerifyResult([], 0, 0, 0, 0, 0)

    def run(self, sessions: list[UUID], on_session: Progress | None) -> VerifyResult:
        """Look at these sessions, and then at the root; return what was found."""
        result = self._result
        for done, session in enumerate(sessions, start=1):
            self._keep(self._session(session))
            result.sessions += 1
            if on_session is not None:
                on_session(done, len(sessions))
        self._keep(self._treat(self._look_at_root))
        result.findings.sort(key=lambda each: (_ORDER.index(each.severity), each.path))
        return result

    def _session(self, session: UUID) -> list[Found]:
        last: list[Examined] = []

        def look() -> list[Found]:
            last.append(self._examine(session))
            return last[-1].found

        try:
            results = self._treat(look)
        except StorageError as error:
            path = self._root.session_path(session)
            reason = error.message.removeprefix(path).lstrip(": ")
            return [found("unreadable", path, reason, session=session)]
        surveyed = last[-1].objects
        self._result.checkpoints += len(surveyed.known)
        self._result.objects += len(surveyed.here)
        self._result.objects_read += surveyed.read
        self._result.bytes_read += surveyed.bytes_read
        return results

    def _examine(self, session: UUID) -> Examined:
        examined = examine(
            self._directory(session),
            self._reading,
            [files.join(source, SESSIONS, str(session)) for source in self._sources],
            self._directory,
            wall_clock(),
            private=self._is_private(),
        )
        for path, target, within in self._root.links(session):
            if path != self._root.sessions:
                examined.found.append(roots.link(path, target, within=within))
        return examined

    def _look_at_root(self) -> list[Found]:
        known = all(each.kind != "object-unknown" for each in self._result.findings)
        return list(roots.findings(self._root, self._environment.files, nothing_unknown=known))

    def _treat(self, look: Callable[[], list[Found]]) -> list[Found]:
        """Look, and do what can be done, until there is nothing left; return all that was found."""
        treated: list[Found] = []
        results = look()
        for _ in range(_ROUNDS if self._repairing else 0):
            now = list(_repaired(results))
            if not now:
                break
            treated += now
            results = look()
        return treated + results

    def _keep(self, results: list[Found]) -> None:
        self._result.findings += [each.finding for each in results]

    def _directory(self, session: UUID) -> SessionDirectory:
        return SessionDirectory(self._root.session_path(session), session, self._environment)

    def _is_private(self) -> bool:
        """Tell whether other users cannot reach anything in the store."""
        return any(
            not files.status(path).mode & _OTHERS for path in (self._root.path, self._root.sessions)
        )


def _repaired(results: list[Found]) -> Iterator[Found]:
    """Do what can be done about each finding, and give those about which it was done."""
    for each in results:
        if each.repair is None:
            continue
        try:
            each.repair.do()
        except StorageError as error:
            each.finding.repair = f"{each.repair.what}: failed, {error.message}"
        else:
            each.finding.repaired = True
            yield each
