"""One measurement in a process of its own: ``probe.py NAME ARGUMENT...`` prints a JSON object.

Nothing is imported before the clock runs but what every Python has loaded anyway. Times are in seconds;
"import" is what the imports took, "call" all that came after them.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = 20

# What the tool itself asks: it counts checkpoints, and finds the newest one of every session.
OWN_LISTING = f"""
SELECT s.id, s.title, s.visibility, s.status, s.cwd, s.created_at, s.updated_at,
    (SELECT count(*) FROM checkpoints WHERE session_id = s.id),
    (SELECT id FROM checkpoints WHERE session_id = s.id ORDER BY created_at DESC LIMIT 1)
FROM sessions s ORDER BY s.updated_at DESC LIMIT {PAGE}
"""

# As well as it can be done: only the sessions of the page are joined.
LISTING = f"""
SELECT s.id, s.title, s.visibility, s.status, s.cwd, s.created_at, s.updated_at, c.state
FROM (SELECT * FROM sessions ORDER BY updated_at DESC LIMIT {PAGE}) s
LEFT JOIN checkpoints c ON c.id =
    (SELECT id FROM checkpoints WHERE session_id = s.id ORDER BY created_at DESC LIMIT 1)
ORDER BY s.updated_at DESC
"""

# Without an index on the time the newest sessions come first only if they are sorted before the join.
SEARCH = r"""
WITH s AS MATERIALIZED (
    SELECT id, title FROM sessions
    WHERE status = coalesce(:status, status) AND cwd = coalesce(:cwd, cwd) ORDER BY updated_at DESC
)
SELECT s.id, s.title FROM s JOIN checkpoints c ON c.id =
    (SELECT id FROM checkpoints WHERE session_id = s.id ORDER BY created_at DESC LIMIT 1)
WHERE c.state LIKE :in_state ESCAPE '\' OR s.title LIKE :in_title ESCAPE '\' LIMIT :limit
"""


def floor(root: str) -> dict[str, Any]:
    """Take the times of all sessions from the directory, and nothing else."""
    begin = perf_counter()
    for entry in os.scandir(root + "/sessions"):
        os.stat(entry.path + "/refs")
    return {"call": perf_counter() - begin}


def listing(root: str, index_dir: str) -> dict[str, Any]:
    begin = perf_counter()
    from sessionfs import FileStorage, ListSessionsQuery

    imported = perf_counter()
    storage = FileStorage(root, index_dir=index_dir)
    result = storage.list_sessions(ListSessionsQuery(limit=PAGE))
    end = perf_counter()
    ids = [str(each.id) for each in result.sessions]
    return {"import": imported - begin, "call": end - imported, "ids": ids}


def search(root: str, index_dir: str, query: str) -> dict[str, Any]:
    begin = perf_counter()
    from sessionfs import FileStorage, SearchQuery

    imported = perf_counter()
    import msgspec

    wanted = msgspec.json.decode(query, type=SearchQuery).with_limit(PAGE)
    decoded = perf_counter()
    result = FileStorage(root, index_dir=index_dir).search(wanted)
    end = perf_counter()
    return {"import": imported - begin, "call": end - decoded, "found": result.total}


def repeated(root: str, index_dir: str, watched: str) -> dict[str, Any]:
    """List again and again in one process, with a watch open or without."""
    from time import sleep

    from sessionfs import FileStorage, ListSessionsQuery

    storage = FileStorage(root, index_dir=index_dir)

    def timed() -> float:
        begin = perf_counter()
        storage.list_sessions(ListSessionsQuery(limit=PAGE))
        return perf_counter() - begin

    timed()
    if watched == "no":
        return {"calls": [timed() for _ in range(50)]}
    watch = getattr(storage, "watch", None)
    if watch is None:
        return {"skipped": "FileStorage has no watch"}
    begin = perf_counter()
    with watch():
        opened = perf_counter() - begin
        first = timed()
        sleep(2)  # it begins to listen in the background
        timed()
        return {"open": opened, "first": first, "calls": [timed() for _ in range(50)]}


def append(root: str, index_dir: str, session_id: str) -> dict[str, Any]:
    """Change one session."""
    from uuid import UUID

    from sessionfs import FileStorage

    storage = FileStorage(root, index_dir=index_dir)
    turn = [{"role": "user", "content": "Go on"}, {"role": "assistant", "content": "Done"}]
    storage.append_messages(UUID(session_id), turn)
    return {}


def update(root: str, index_dir: str) -> dict[str, Any]:
    from sessionfs import FileStorage

    return {"done": FileStorage(root, index_dir=index_dir).update_index()}


def build(root: str, index_dir: str, workers: str) -> dict[str, Any]:
    """Make the index from nothing, in this process alone or with so many others."""
    from sessionfs import FileStorage

    storage = FileStorage(root, index_dir=index_dir)
    begin = perf_counter()
    done = storage.rebuild_index(workers=int(workers))
    end = perf_counter()
    state = storage.index_state()
    return {"done": done, "call": end - begin, "size": state.size, "memory": most_memory()}


def sqlite_listing(database: str, own: str) -> dict[str, Any]:
    begin = perf_counter()
    import sqlite3

    import msgspec

    imported = perf_counter()
    connection = sqlite3.connect(database)
    rows = connection.execute(OWN_LISTING if own == "own" else LISTING).fetchall()
    if own != "own":
        for row in rows:
            len(msgspec.json.decode(row[-1])["messages"])
    end = perf_counter()
    connection.close()
    return {"import": imported - begin, "call": end - imported, "ids": [row[0] for row in rows]}


def sqlite_search(database: str, query: str, limit: str) -> dict[str, Any]:
    """Search the newest states, written as JSON; the filters that columns can answer count."""
    begin = perf_counter()
    import sqlite3

    import msgspec

    imported = perf_counter()
    asked = msgspec.json.decode(query)
    text = asked["text"]
    values = {
        "status": asked["status"],
        "cwd": asked["cwd"],
        "in_state": _pattern(msgspec.json.encode(text).decode()[1:-1]),
        "in_title": _pattern(text),
        "limit": int(limit),
    }
    connection = sqlite3.connect(database)
    rows = connection.execute(SEARCH, values).fetchall()
    end = perf_counter()
    connection.close()
    return {"import": imported - begin, "call": end - imported, "found": len(rows)}


def _pattern(text: str) -> str:
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


def most_memory() -> int:
    """Return the most memory that the process has had at a time, in bytes."""
    import resource
    from pathlib import Path

    status = Path("/proc/self/status")
    if status.exists():
        # On Linux getrusage starts from what the parent had when it started this process.
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) << 10
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


if __name__ == "__main__":
    PROBES: dict[str, Callable[..., dict[str, Any]]] = {
        each.__name__: each
        for each in (
            floor,
            listing,
            search,
            repeated,
            append,
            update,
            build,
            sqlite_listing,
            sqlite_search,
        )
    }
    measured = PROBES[sys.argv[1]](*sys.argv[2:])
    import json

    print(json.dumps(measured))
