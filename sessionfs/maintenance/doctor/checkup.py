"""A whole store: every session looked at, the root last, and repairs until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from ...errors import StorageError
from ...format.timestamps import wall_clock
from ...fs import entries, files
from ...models import Severity, VerifyResult
from ...models.maintenance import Progress
from ...store.objects import ObjectCache
from ...store.root import SESSIONS, Root
from ...store.session import Environment, SessionDirectory
from . import check_root as roots
from . import letter_case
from .check_objects import ObjectSurvey, ReadingScope
from .check_session import examine
from .findings import Diagnosis, diagnose, reason

_ORDER = list(Severity)


class _Figures(NamedTuple):
    checkpoints: int = 0
    objects: int = 0
    objects_read: int = 0
    bytes_read: int = 0

    @classmethod
    def of(cls, surveyed: ObjectSurvey) -> _Figures:
        here, known = len(surveyed.here), len(surveyed.known)
        return cls(known, here, surveyed.read, surveyed.bytes_read)


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
        reading: ReadingScope,
        sources: list[str],
        *,
        repairing: bool,
    ) -> None:
        self._root = root
        self._environment = environment._replace(
            files=environment.files.not_sweeping(), cache=ObjectCache(0)
        )
        self._reading = reading
        self._sources = sources
        self._repairing = repairing
        self._found: dict[UUID | None, list[Diagnosis]] = {}
        self._figures: dict[UUID, _Figures] = {}

    def run(
        self, sessions: list[UUID], on_session: Progress | None, *, whole: bool = True
    ) -> VerifyResult:
        """Look at these sessions, and then at the root; return what was found.

        ``whole``: these are all sessions of the store.
        """
        if not self._root.is_store():
            return VerifyResult([], 0, 0, 0, 0, 0)
        changed: set[UUID] = set()
        for done, session in enumerate(sessions, start=1):
            changed |= self._look_after(session)
            if on_session is not None:
                on_session(done, len(sessions))
        # What belongs to another session was put there, perhaps after that one was looked at.
        while changed:
            changed = {other for session in sorted(changed) for other in self._look_after(session)}
        sure = whole and self._reading.sample == 1.0
        self._look_after_root(sure=sure)
        return self._result()

    def _result(self) -> VerifyResult:
        findings = [each.finding for results in self._found.values() for each in results]
        findings.sort(key=lambda each: (_ORDER.index(each.severity), each.path))
        return VerifyResult(
            findings,
            len(self._figures),
            sum(each.checkpoints for each in self._figures.values()),
            sum(each.objects for each in self._figures.values()),
            sum(each.objects_read for each in self._figures.values()),
            sum(each.bytes_read for each in self._figures.values()),
        )

    def _look_after(self, session: UUID) -> set[UUID]:
        """Look at a session, and repair it; return the other sessions that this changed."""
        links = [each for each in self._root.links(session) if each[0] != self._root.sessions]
        is_ours = self._directory_to_write(session) is not None

        def look() -> list[Diagnosis]:
            try:
                results = self._examine(session)
            except StorageError as error:
                path = error.path or self._root.session_path(session)
                results = [diagnose("unreadable", path, reason(error, path), session=session)]
            if not is_ours:
                results = [each.without_repair() for each in results]
            return results + [roots.link(*each, session=session) for each in links]

        repaired = self._treat(session, look)
        if repaired:
            self._environment.wrote(session)
        changed = {each.repair.changes for each in repaired if each.repair} - {None, session}
        return {each for each in changed if each is not None}

    def _look_after_root(self, *, sure: bool) -> None:
        everything = [each for results in self._found.values() for each in results]
        known = sure and all(each.finding.kind != "object-unknown" for each in everything)
        writer = self._environment.files
        self._treat(None, lambda: list(roots.findings(self._root, writer, nothing_unknown=known)))

    def _examine(self, session: UUID) -> list[Diagnosis]:
        examined = examine(
            self._directory(session),
            self._reading,
            [
                *letter_case.twins_of(self._root.sessions, session),
                *(files.join(source, SESSIONS, str(session)) for source in self._sources),
            ],
            self._directory_to_write,
            wall_clock(),
            private=self._is_private(),
        )
        self._figures[session] = _Figures.of(examined.objects)
        return examined.diagnoses

    def _treat(self, about: UUID | None, look: Callable[[], list[Diagnosis]]) -> list[Diagnosis]:
        """Look, and do what can be done, until that is nothing new; return what was done."""
        results, treated = look(), list[Diagnosis]()
        done: set[tuple[str, str]] = set()
        while self._repairing:
            now = list(_repaired(results, last=False)) or list(_repaired(results, last=True))
            treated += now
            new = {(each.finding.kind, each.finding.path) for each in now} - done
            if not new:
                break
            done |= new
            results = look()
        before = [each for each in self._found.get(about, []) if each.finding.repaired]
        left = [each for each in results if not each.finding.repaired]
        self._found[about] = before + treated + left
        return treated

    def _directory(self, session: UUID) -> SessionDirectory:
        return SessionDirectory(self._root.session_path(session), session, self._environment)

    def _directory_to_write(self, session: UUID) -> SessionDirectory | None:
        is_ours = all(within for *_, within in self._root.links(session))
        return self._directory(session) if is_ours else None

    def _is_private(self) -> bool:
        """Tell whether other users cannot reach anything in the store."""
        return any(
            not entries.inspect(path).mode & entries.OTHERS
            for path in (self._root.path, self._root.sessions)
        )


def _repaired(results: list[Diagnosis], *, last: bool) -> Iterator[Diagnosis]:
    """Do what can be done about each finding, and give those about which it was done."""
    for each in results:
        if each.repair is None or each.repair.last != last:
            continue
        try:
            each.repair.do()
        except StorageError as error:
            each.finding.repair = f"{each.repair.what}: failed, {error.message}"
        else:
            each.finding.repaired = True
            yield each
