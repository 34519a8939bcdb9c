"""What a store must show after faults, given what was told of the work before them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from sessionfs import FileStorage, ListCheckpointsQuery, ListSessionsQuery

Picture = dict[str, dict[str, Any]]
"""All that a store shows: title, status, active checkpoint and checkpoints of each session."""

MANY = 100_000


def shown(root: Path, index: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each session of a store, read with a storage of its own; nothing may be damaged."""
    with FileStorage(root, durability="relaxed", index_dir=index, message_type=dict) as storage:
        listed = storage.list_sessions(ListSessionsQuery(limit=MANY))
        assert len(listed.sessions) == listed.total
        for summary in listed.sessions:
            assert summary.problem is None
            session = storage.get_session(summary.id)
            assert (session.problem, session.title, session.status) == (
                None,
                summary.title,
                summary.status,
            )
            assert session.active_checkpoint is not None
            assert session.active_checkpoint.id == summary.active_checkpoint_id
            query = ListCheckpointsQuery(limit=MANY).with_state()
            page = storage.list_checkpoints(summary.id, query)
            assert page.problems == []
            assert page.total == len(page.checkpoints)
            states: dict[str, Any] = {}
            for checkpoint in page.checkpoints:
                assert checkpoint.problem is None
                assert checkpoint.state is not None
                states[str(checkpoint.id)] = checkpoint.state.messages
            yield (
                str(summary.id),
                {
                    "title": session.title,
                    "status": session.status.value,
                    "active": str(session.active_checkpoint.id),
                    "states": states,
                },
            )


def picture(root: Path, index: Path) -> Picture:
    """Read a whole store; nothing in it may be damaged or incomplete."""
    return dict(shown(root, index))


class Account:
    """What was acknowledged, and what was intended beside it.

    Attributes:
        errors: those that were told.

    """

    def __init__(self, before: Picture, told: list[dict[str, Any]]) -> None:
        self.sure = deepcopy(before)
        self.errors: list[dict[str, Any]] = []
        self._intended: list[dict[str, Any]] = []
        for each in told:
            if "intends" in each:
                self._check_base(each["intends"])
                self._intended.append(each["intends"])
            elif "did" in each:
                self._intended.pop()
                self._take(each["did"])
            elif "error" in each:
                self.errors.append(each["error"])

    def _check_base(self, intended: dict[str, Any]) -> None:
        """What is appended to was either acknowledged, or intended and not known to have failed."""
        if "onto" not in intended:
            return
        session = self.sure[intended["session"]]
        others = [
            state
            for each in self._intended
            if each.get("session") == intended["session"]
            for state in each.get("states", [])
        ]
        assert intended["onto"] in [session["states"][session["active"]], *others]

    def _take(self, did: dict[str, Any]) -> None:
        if "purged" in did:
            del self.sure[did["session"]]
            return
        session = self.sure.setdefault(did["session"], {"title": "", "status": "", "states": {}})
        session.update({field: did[field] for field in ("title", "status", "active") if field in did})
        session["states"].update(did.get("states", {}))
        if "whole" in did:
            session["whole"] = did["whole"]

    def check(self, found: Picture) -> None:
        """Assert that everything acknowledged is there, and beside it nothing but what was intended."""
        purged = {each["session"] for each in self._intended if "purged" in each}
        for id_, sure in self.sure.items():
            if id_ in purged and id_ not in found:
                continue
            assert id_ in found, f"session {id_} is lost"
            self._check_session(id_, sure, found[id_])
        intended = [each for each in self._intended if "title" in each and "states" in each]
        for id_ in found.keys() - self.sure.keys():
            shown = found[id_]
            whole = [
                each
                for each in intended
                if each.get("session", id_) == id_
                and list(shown["states"].values()) == each["states"]
                and (shown["title"], shown["status"]) == (each["title"], each["status"])
            ]
            assert whole, f"session {id_} is not there as a whole"
            intended.remove(whole[0])

    def _check_session(self, id_: str, sure: dict[str, Any], found: dict[str, Any]) -> None:
        mine = [each for each in self._intended if each.get("session") == id_]
        for checkpoint, state in sure["states"].items():
            assert found["states"].get(checkpoint) == state, f"checkpoint {checkpoint} is lost"
        extra = {key: state for key, state in found["states"].items() if key not in sure["states"]}
        allowed = [state for each in mine for state in each.get("states", [])]
        if "whole" in sure:
            allowed += sure["whole"]
            assert all(state in extra.values() for state in sure["whole"]), "an import is lost"
        for state in extra.values():
            assert state in allowed, f"session {id_} has a checkpoint that nobody made"
            allowed.remove(state)
        active = {sure.get("active"), *(each.get("active") for each in mine), *extra}
        assert found["active"] in active
        if "whole" in sure:
            assert found["states"][found["active"]] in [each[-1] for each in self._wholes(sure, mine)]
        for field in ("title", "status"):
            assert found[field] in {sure[field], *(each.get(field) for each in mine)}

    @staticmethod
    def _wholes(sure: dict[str, Any], mine: list[dict[str, Any]]) -> list[list[Any]]:
        return [sure["whole"], *(each["states"] for each in mine)]


def dangling(root: Path) -> list[str]:
    """Return the active refs that name an object that is not there."""
    return [
        str(ref.relative_to(root))
        for ref in root.glob("sessions/*/refs/active.*")
        if not list(ref.parents[1].glob(f"objects/{ref.name[-12:]}*.json"))
    ]


def temporary(root: Path) -> list[str]:
    """Return the temporary files and directories in a store."""
    return sorted(str(path.relative_to(root)) for path in root.rglob(".tmp-*"))
