"""What verifying a store tells: findings, and what was looked at."""

from __future__ import annotations

import enum
from uuid import UUID

import msgspec


class Severity(enum.StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(msgspec.Struct):
    """Something about a file or directory that is worth knowing.

    Attributes:
        kind: one of the names in spec/guide/findings.md.
        severity: error: something cannot be read as it was written, or nothing can be written;
            warning: all can be read, and something is amiss; note: harmless.
        path: the file or directory.
        message: what was found, in one sentence that names the path.
        session_id: the session, where it concerns one.
        checkpoints: the ids of those that cannot be read because of it, oldest first.
        repair: what a repair would do about it, or did; None: nothing can be done here.
        repaired: whether a repair did that.

    """

    kind: str
    severity: Severity
    path: str
    message: str
    session_id: UUID | None = None
    checkpoints: list[UUID] = []
    repair: str | None = None
    repaired: bool = False


class VerifyResult(msgspec.Struct):
    """What was found in a store, and how much of it was looked at.

    Attributes:
        findings: the gravest first, each as it is now: after a repair with ``repaired``.
        sessions: how many were looked at.
        checkpoints: how many of them were read and are sound by themselves.
        objects: how many object files there are.
        objects_read: how many of them were read, every byte compared with the name.
        bytes_read: how many bytes these have.

    """

    findings: list[Finding]
    sessions: int
    checkpoints: int
    objects: int
    objects_read: int
    bytes_read: int

    @property
    def worst(self) -> Severity | None:
        """The worst severity of the findings that were not repaired; None: there are none."""
        left = {each.severity for each in self.findings if not each.repaired}
        return next((each for each in Severity if each in left), None)

    @property
    def sound(self) -> bool:
        """Whether nothing was found that is more than a note, or all of it was repaired."""
        return self.worst in (None, Severity.NOTE)
