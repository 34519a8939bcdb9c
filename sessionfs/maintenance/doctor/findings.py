"""The kinds of findings with their severities, and a finding with the repair that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from ...errors import CorruptObjectError, StorageError
from ...fs import files
from ...models import Finding, Severity

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

KINDS: dict[str, Severity] = {
    "header-damaged": _ERROR,
    "format-unknown": _ERROR,
    "header-missing": _WARNING,
    "root-file-missing": _NOTE,
    "root-file-changed": _NOTE,
    "object-damaged": _ERROR,
    "line-ends": _ERROR,
    "object-invalid": _ERROR,
    "object-misplaced": _WARNING,
    "object-missing": _ERROR,
    "object-unknown": _NOTE,
    "chain-broken": _ERROR,
    "parent-missing": _WARNING,
    "not-regular": _ERROR,
    "too-large": _ERROR,
    "unreadable": _ERROR,
    "in-flight": _NOTE,
    "meta-damaged": _ERROR,
    "meta-missing": _WARNING,
    "active-ref-damaged": _WARNING,
    "active-ref-dangling": _WARNING,
    "active-ref-ambiguous": _WARNING,
    "active-ref-missing": _WARNING,
    "active-refs-several": _NOTE,
    "clock-ahead": _WARNING,
    "clock-exhausted": _ERROR,
    "purged": _WARNING,
    "session-empty": _NOTE,
    "modes-open": _WARNING,
    "letter-case": _ERROR,
    "link": _NOTE,
    "link-outside": _WARNING,
    "adoptable": _WARNING,
    "conflict-copy": _NOTE,
    "set-aside": _NOTE,
    "temporary": _NOTE,
    "temporary-abandoned": _NOTE,
    "foreign": _NOTE,
}
"""What spec/guide/findings.md describes."""


class Repair(NamedTuple):
    """What can be done about a finding.

    Attributes:
        what: in words.
        do: the deed.
        changes: another session that it changes.
        last: it is done when there is nothing else to do, for it depends on what is here then.
        empties: afterwards nothing has the name.

    """

    what: str
    do: Callable[[], object]
    changes: UUID | None = None
    last: bool = False
    empties: bool = False


class Diagnosis(NamedTuple):
    """A finding, and what can be done about it here."""

    finding: Finding
    repair: Repair | None

    def without_repair(self) -> Diagnosis:
        """Return the finding as one about which nothing can be done here."""
        self.finding.repair = None
        return Diagnosis(self.finding, None)


def diagnose(
    kind: str,
    path: str,
    message: str,
    *,
    session: UUID | None = None,
    checkpoints: Iterable[UUID] = (),
    repair: Repair | None = None,
) -> Diagnosis:
    """Return a finding of a kind; the message goes on after the path."""
    what = None if repair is None else repair.what
    finding = Finding(kind, KINDS[kind], path, f"{path} {message}", session, list(checkpoints), what)
    return Diagnosis(finding, repair)


def setting_aside(path: str, read: Callable[[], object]) -> Callable[[], None]:
    """Return what sets a file aside, unless by then another process has healed it: ``read`` tells."""

    def set_aside() -> None:
        damaged = files.inode_of(path)
        with suppress(CorruptObjectError):
            read()
            return
        files.set_aside(path, damaged)

    return set_aside


def reason(error: StorageError, path: str) -> str:
    """Return what an error says after the path that it begins with."""
    return error.message.removeprefix(path).lstrip(": ")
