"""Every file damaged in every way: told of, never returned as data, and the rest stays usable.

Of README.md, .gitattributes and .gitignore in the root no answer depends; a header that is damaged
keeps writers away, and readers go on, for every other file vouches for itself.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from sessionfs import (
    CorruptObjectError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FormatError,
    IncompleteError,
    NotFoundError,
    UpdateSessionRequest,
)
from sessionfs.fs import files
from sessionfs.store.root import HEADER

from ..effort import Counted, chosen
from ..store.helpers import overwrite
from .damage import Place, Store, is_sound_header, labels, looks, open_store
from .harms import CONTENTS, KINDS, contents, exchange
from .promises import Harmed, Reader, read, within, write

pytestmark = pytest.mark.slow

T = TypeVar("T")

SEED = 20_261_124
FLIPS_OF_A_FILE = chosen(few=8, usual=300, everything=1 << 30)
LENGTHS_OF_A_FILE = chosen(few=4, usual=60, everything=1 << 30)
CONTENTS_OF_A_FILE = chosen(few=2, usual=10, everything=1 << 30)
PARTNERS_OF_A_FILE = chosen(few=1, usual=2, everything=1 << 30)
ONE_IN = chosen(few=16, usual=8, everything=1)
"""So many damaged stores are read for one that is also read with an index and worked with."""
OF_SESSIONS = labels("checkpoint", "message", "active", "meta")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("damage") / "store")
    assert sorted(store.places) == sorted(labels())
    read(store, store.root, frozenset())
    return store


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_SETTLE_SECONDS", 0.0)


class Copies:
    """Copies of the store, each removed before the next is made."""

    def __init__(self, store: Store, directory: Path, seed: str) -> None:
        self.store = store
        self.rng = random.Random(f"{SEED} {seed}")
        self._directory = directory

    def new(self) -> Path:
        shutil.rmtree(self._directory)
        return self.store.copy(self._directory / "store")

    def some(self, everything: Iterable[T], number: int) -> list[T]:
        """Return so many of them, others in each test and the same in each run."""
        listed = list(everything)
        return self.rng.sample(listed, min(number, len(listed)))

    def check(self, harmed: Harmed, root: Path) -> None:
        """Check what reading promises and, of some stores, writing and an index."""
        read(self.store, root, harmed)
        if self.rng.randrange(ONE_IN) == 0:
            self.check_all(harmed, root)

    def check_all(self, harmed: Harmed, root: Path) -> None:
        read(self.store, root, harmed, self._directory / "index")
        write(self.store, root, harmed)


@pytest.fixture
def copies(tmp_path: Path, store: Store, request: pytest.FixtureRequest) -> Copies:
    return Copies(store, tmp_path, request.node.name)


def harm_of(place: Place) -> Harmed:
    """Return what is damaged if a file holds other bytes; an active ref says all in its name."""
    return frozenset() if place.kind == "active" else frozenset({place.name})


def others(place: Place) -> list[Path]:
    return sorted(each for each in place.path.parent.iterdir() if each != place.path and each.is_file())


def another(place: Place) -> Path:
    return others(place)[0]


@pytest.mark.parametrize("label", OF_SESSIONS)
def test_every_bit_flipped(store: Store, copies: Copies, label: str, counted: Counted) -> None:
    place = store.places[label]
    assert place.session is not None
    root, sound = copies.new(), place.path.read_bytes()
    path, bits = place.below(root, store), range(len(sound) * 8)
    chosen_bits = copies.some(bits, FLIPS_OF_A_FILE)
    path.chmod(0o600)
    with within(3600), path.open("r+b", buffering=0) as file:
        for bit in chosen_bits:
            byte, flip = divmod(bit, 8)
            file.seek(byte)
            file.write(bytes([sound[byte] ^ 1 << flip]))
            reader = Reader(store, root, harm_of(place))
            reader.briefly(place.session)
            assert reader.named == harm_of(place)
            file.seek(byte)
            file.write(sound[byte : byte + 1])
    counted("bits flipped", len(chosen_bits))
    for bit in copies.some(bits, max(1, len(chosen_bits) // 300)):
        root = copies.new()
        flipped = bytearray(sound)
        flipped[bit // 8] ^= 1 << bit % 8
        overwrite(place.below(root, store), bytes(flipped))
        read(store, root, harm_of(place))
        copies.check_all(harm_of(place), root)


@pytest.mark.parametrize("label", OF_SESSIONS)
def test_every_length(store: Store, copies: Copies, label: str, counted: Counted) -> None:
    """The file cut short at every length, and with zeros from there on, as after a power cut."""
    place, root = store.places[label], copies.new()
    assert place.session is not None
    path, sound = place.below(root, store), place.path.read_bytes()
    lengths = {0, len(sound) - 1, *copies.some(range(len(sound)), LENGTHS_OF_A_FILE)}
    with within(3600):
        for length in lengths:
            for torn in (sound[:length], sound[:length].ljust(len(sound), b"\0")):
                overwrite(path, torn)
                reader = Reader(store, root, harm_of(place))
                reader.briefly(place.session)
                assert reader.named == harm_of(place)
    counted("files cut short", 2 * len(lengths))


@pytest.mark.parametrize("label", OF_SESSIONS)
def test_other_contents(store: Store, copies: Copies, label: str, counted: Counted) -> None:
    place, tried = store.places[label], 0
    assert place.session is not None
    root = copies.new()
    path, sound = place.below(root, store), place.path.read_bytes()
    for change in copies.some(CONTENTS.values(), CONTENTS_OF_A_FILE):
        for other in others(place) if change is CONTENTS["another's bytes"] else [another(place)]:
            changed = change(sound, other.read_bytes())
            if changed != sound:
                overwrite(path, changed)
                read(store, root, harm_of(place))
                tried += 1
    counted("other contents", tried)


@pytest.mark.parametrize("label", OF_SESSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_regular_file(store: Store, copies: Copies, label: str, kind: str) -> None:
    place = store.places[label]
    root = copies.new()
    path = place.below(root, store)
    KINDS[kind](path, another(place._replace(path=path)))
    copies.check(harm_of(place), root)


@pytest.mark.parametrize("label", OF_SESSIONS)
def test_two_files_that_change_names(store: Store, copies: Copies, label: str) -> None:
    place = store.places[label]
    for other in copies.some(others(place), PARTNERS_OF_A_FILE):
        root = copies.new()
        exchange(place.below(root, store), root / other.relative_to(store.root))
        also = next(each for each in store.places.values() if each.path == other)
        copies.check(harm_of(place) | harm_of(also), root)


@pytest.mark.parametrize("label", OF_SESSIONS)
def test_a_link_to_the_same_bytes_is_as_good_as_the_file(
    store: Store, copies: Copies, label: str
) -> None:
    root = copies.new()
    path = store.places[label].below(root, store)
    path.rename(root.parent / "elsewhere")
    path.symlink_to(root.parent / "elsewhere")
    copies.check(frozenset(), root)


@pytest.mark.parametrize("how", [*CONTENTS, *KINDS])
@pytest.mark.parametrize("label", labels("root"))
def test_files_of_the_root(store: Store, copies: Copies, label: str, how: str) -> None:
    """They change no answer; a damaged header keeps writers away, which say so."""
    place, root = store.places[label], copies.new()
    path = place.below(root, store)
    if how in KINDS:
        KINDS[how](path, another(place._replace(path=path)))
    else:
        contents(CONTENTS[how], path, another(place))
    read(store, root, frozenset())
    if path.name == HEADER and (how in KINDS or not is_sound_header(path.read_bytes())):
        refuses(store, root)
    elif path.name == HEADER or copies.rng.randrange(ONE_IN) == 0:
        write(store, root, frozenset())


def test_every_bit_of_the_header(store: Store, copies: Copies, counted: Counted) -> None:
    """One that still says the same, with another field that nobody knows, is no harm."""
    root = copies.new()
    path = root / HEADER
    sound = path.read_bytes()
    for bit in range(len(sound) * 8):
        flipped = bytearray(sound)
        flipped[bit // 8] ^= 1 << bit % 8
        overwrite(path, bytes(flipped))
        for id_, told in store.told.items():
            assert open_store(root).get_session(id_) == told.session
        if is_sound_header(bytes(flipped)):
            open_store(root).update_session(store.neighbour, UpdateSessionRequest())
        else:
            refuses(store, root)
    counted("bits flipped", len(sound) * 8)


def refuses(store: Store, root: Path) -> None:
    """Check that nothing is written, and that the error says why."""
    before, storage = looks(root), open_store(root)
    attempts: list[Callable[[], object]] = [
        lambda: storage.create_session(CreateSessionRequest("new", [])),
        lambda: storage.append_messages(store.first, []),
        lambda: storage.update_session(store.first, UpdateSessionRequest(title="new")),
        lambda: storage.delete_session(store.first),
        lambda: storage.fork_session(store.first),
        lambda: storage.create_checkpoint(store.first, CreateCheckpointRequest([])),
    ]
    for attempt in attempts:
        with pytest.raises((CorruptObjectError, FormatError), match=r"sessionfs\.json|has format"):
            attempt()
    assert looks(root) == before


ABSENT: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "in upper case": lambda path: path.rename(path.with_name(path.name.upper())),
    "renamed by an editor": lambda path: path.rename(path.with_name(path.name + "~")),
}


@pytest.mark.parametrize("label", labels("checkpoint", "message", "active"))
@pytest.mark.parametrize("how", ABSENT)
def test_a_file_that_is_not_here(store: Store, copies: Copies, label: str, how: str) -> None:
    """What needs it says so, or an older checkpoint is active; nothing else changes."""
    place, root = store.places[label], copies.new()
    assert place.session is not None
    ABSENT[how](place.below(root, store))
    before, told, storage = looks(root), store.told[place.session], open_store(root)
    for id_, each in told.checkpoints.items():
        if place.name not in each.needs:
            assert storage.get_checkpoint(id_) == each.checkpoint
            continue
        with pytest.raises(NotFoundError) as caught:
            storage.get_checkpoint(id_)
        if each.own != place.name:
            assert place.name in str(caught.value)
    refs = [told.active.own] + [store.whole.name] * (place.session == store.first)
    if place.kind == "active":
        refs.remove(store.whole.name if label == "first active 0" else told.active.own)
    newest_last = [told.checkpoints[id_] for id_ in told.checkpoints]
    order = [each for ref in refs for each in newest_last if each.own == ref] + newest_last[::-1]
    active = next((each for each in order if place.name not in each.needs), None)
    if active is None:
        with pytest.raises(IncompleteError, match=place.name):
            storage.get_session(place.session)
    else:
        expected = replace(told.session, active_checkpoint=active.checkpoint)
        found = storage.get_session(place.session)
        assert replace(found, heads=told.session.heads) == expected
        assert found.heads[0].id == active.checkpoint.id
    assert storage.list_sessions().total == len(store.told)
    assert looks(root) == before
