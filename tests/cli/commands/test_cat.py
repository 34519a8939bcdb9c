"""``sessionfs cat``."""

from __future__ import annotations

import json
from pathlib import Path

from ..command import Command
from ..samples import make


def test_cat_gives_messages_byte_for_byte(imported: Command) -> None:
    stored = b'{"role": "user",  "content":"a\\u0041", "unknown":1.0}'
    id_ = make(imported, "bytes", [json.loads(stored), {"role": "user", "content": "b\tc"}])
    (path,) = imported.json("path", id_)["objects"]
    lines = imported("cat", id_).splitlines()
    raw = Path(path).read_text()
    assert all(line in raw for line in lines)
    assert [json.loads(line)["content"] for line in lines] == ["aA", "b\tc"]
    assert imported("cat", id_, "1", "0").splitlines() == lines[::-1]
    assert imported("cat", id_, "--", "-1").splitlines() == lines[1:]
    assert imported("cat", id_, "--text") == "aA\nb\tc\n"
    assert imported.json("cat", id_, "0")["messages"] == [json.loads(lines[0])]
    assert "which count from 0" in imported.run("cat", id_, "2").stderr
    assert imported("export", id_, "-f", "jsonl").splitlines() == lines
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    assert len(imported("cat", "6f1c", "-c", oldest).splitlines()) == 6
