"""A session with something of everything, and a picture of its page.

``python -m tests.exporters.sample spec/guide/pictures/page.png`` makes the picture in README.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.exporters import as_html

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
START_MS = 1_772_355_600_000


def chromium(*arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the browser without a window, with a profile of its own."""
    assert CHROMIUM is not None
    return subprocess.run(
        [
            *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--no-first-run", "--disable-component-update", "--disable-background-networking"),
            *("--disable-dev-shm-usage", f"--user-data-dir={home / 'profile'}"),
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )


def png(width: int, height: int) -> str:
    """Return a picture of moist and dry soil, as base64."""
    rows = b""
    for y in range(height):
        rows += b"\0" + bytes(
            channel
            for x in range(width)
            for channel in (60 + 150 * x // width, 140 - 60 * y // height, 70)
        )
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        data += struct.pack(">I", len(body)) + name + body
        data += struct.pack(">I", zlib.crc32(name + body))
    return b64encode(data).decode()


def messages() -> list[dict[str, Any]]:
    """Return a conversation with code, a table, thoughts, an image, and calls that end in two ways."""
    model = {"provider": "example", "id": "gardener-2"}
    found: list[dict[str, Any]] = [
        user("The tomato bed gets watered twice a day.\nCan you find out why?"),
        {
            "role": "assistant",
            "model": model,
            "content": [
                {"type": "thinking", "thinking": "Two schedules may overlap. Look at the file first."},
                {"type": "text", "text": "I'll look at the schedule and at the log of the controller."},
            ],
            "tool_calls": [
                call("1", "read_file", path="~/garden/schedule.toml"),
                call("2", "run", command="tail -n 3 valve.log", description="Last waterings"),
            ],
        },
        result(
            "1", '[tomato]\nat = "06:00"\nminutes = 15\n\n[beds.tomato]\nat = "18:00"\nminutes = 15'
        ),
        result("2", "tail: cannot open 'valve.log' for reading: No such file", failed=True),
        {
            "role": "assistant",
            "model": model,
            "content": "There are **two sections** for the same bed, each with a time of its own:\n\n"
            "| section | at | minutes |\n|:--|:-:|--:|\n| `[tomato]` | 06:00 | 15 |\n"
            "| `[beds.tomato]` | 18:00 | 15 |\n\nThe controller reads both:\n\n```python\n"
            "def schedules(config: dict) -> Iterator[Watering]:\n"
            '    """Give every watering of a day."""\n'
            '    for bed, plan in {**config, **config.get("beds", {})}.items():\n'
            '        yield Watering(bed, plan["at"], minutes=plan.get("minutes", 10))  # both\n'
            "```\n\nShall I remove the older one?",
        },
        user("Yes, keep the evening one. This is how the bed looks:"),
        {
            "role": "assistant",
            "model": model,
            "content": "Removing the morning section.",
            "tool_calls": [
                call(
                    "3",
                    "edit_file",
                    path="~/garden/schedule.toml",
                    old='[tomato]\nat = "06:00"\nminutes = 15\n\n',
                    new="",
                )
            ],
        },
        result("3", "The file has been updated."),
        {
            "role": "assistant",
            "model": model,
            "content": "Done. The tomatoes are now watered once, at 18:00 for 15 minutes.",
        },
        user("And what should I check on the controller before the summer?"),
        {
            "role": "assistant",
            "model": model,
            "content": "Three things:\n\n- the clock, so that 18:00 is still 18:00 in summer time\n"
            "- the battery, which the log shows at 71 %\n- the filter in front of the valve\n\n"
            "> Nothing else needs your hands; see [the manual](https://example.org/manual).",
        },
        user("Thanks! Remind me of the filter in May."),
        {"role": "assistant", "model": model, "content": "I will: `0 9 1 5 * remind filter`."},
    ]
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png(320, 120)}"}}
    found[5]["content"] = [{"type": "text", "text": found[5]["content"]}, image]
    for n, message in enumerate(found):
        message["created_at"] = START_MS + n * 47_000
    return found


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def call(id_: str, tool: str, **arguments: str) -> dict[str, Any]:
    return {
        "id": id_,
        "type": "function",
        "function": {"name": tool, "arguments": json.dumps(arguments)},
    }


def result(id_: str, text: str, *, failed: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"role": "tool", "tool_call_id": id_, "content": text}
    return {**found, "metadata": {"is_error": True}} if failed else found


def sample(root: Path) -> tuple[FileStorage, UUID]:
    """Make a store with the conversation, which was once gone back in."""
    storage, every = FileStorage(root, message_type=dict), messages()
    request = CreateSessionRequest(
        "Why are the tomatoes watered twice?", every[:5], cwd="/home/ana/garden"
    )
    made = storage.create_session(request)
    first = made.checkpoint.id
    storage.append_messages(made.session_id, [user("No, keep the morning one."), *every[6:9]])
    storage.set_active_checkpoint(made.session_id, first)
    storage.append_messages(made.session_id, every[5:9])
    storage.append_messages(made.session_id, every[9:11])
    storage.append_messages(made.session_id, every[11:])
    return storage, made.session_id


def page(storage: FileStorage, session: UUID, path: Path) -> Path:
    path.write_bytes(b"".join(as_html(storage, storage.get_session(session))))
    return path


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        shown = page(*sample(home / "store"), home / "page.html")
        out = Path(sys.argv[1]).absolute()
        dark = ["--blink-settings=preferredColorScheme=0"] if "--dark" in sys.argv else []
        size = next((each for each in sys.argv[2:] if "," in each), "1360,1040")
        chromium(*dark, f"--window-size={size}", f"--screenshot={out}", shown.as_uri(), home=home)


if __name__ == "__main__":
    main()
