"""A disk that remembers every write and every sync, so that a power cut can be played at any point afterwards.

`RecordingVfs` stands between SQLite and its files and keeps a journal. `Disk` plays it back: what was synced is there; of what was written
since, each sector is there or not, in any order, as a disk with a cache of its own leaves it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
VFS_NAME = "recording"


@dataclass(frozen=True, slots=True)
class Write:
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: str


@dataclass(frozen=True, slots=True)
class Delete:
    file: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A client was told 200 for this event."""

    event_id: str


Entry = Write | Truncate | Sync | Delete | Acknowledged


class RecordingFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], journal: list[Entry]) -> None:
        super().__init__("unix", name, flags)
        self._journal = journal
        self._file = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name or "temporary")).name

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._journal.append(Write(self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._journal.append(Truncate(self._file, newsize))

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._journal.append(Sync(self._file))


class RecordingVfs(apsw.VFS):
    """The default VFS from its making until `unregister`."""

    def __init__(self) -> None:
        self.journal: list[Entry] = []
        super().__init__(VFS_NAME, "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> RecordingFile:
        return RecordingFile(name, flags, self.journal)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.journal.append(Delete(Path(filename).name))


@dataclass
class Image:
    """One file: what is surely on the disk, and what was done since the last sync."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Truncate] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.pending:
            apply(self.durable, change)
        self.pending.clear()

    def survive(self, chance: random.Random, keep: float) -> bytes:
        """What a cut leaves: of each unsynced sector any of its versions, of the rest what was synced."""
        left = bytearray(self.durable)
        for change in self.pending:
            if isinstance(change, Truncate):
                if chance.random() < keep:
                    apply(left, change)
                continue
            for start in range(0, len(change.data), SECTOR):
                if chance.random() < keep:
                    apply(left, Write(change.file, change.offset + start, change.data[start : start + SECTOR]))
        return bytes(left)


def apply(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        return
    if len(content) < change.offset:
        content.extend(bytes(change.offset - len(content)))
    content[change.offset : change.offset + len(change.data)] = change.data


class Disk:
    """The journal, played up to a point."""

    def __init__(self) -> None:
        self.files: dict[str, Image] = {}
        self.acknowledged: list[str] = []

    def play(self, entry: Entry) -> None:
        if isinstance(entry, Acknowledged):
            self.acknowledged.append(entry.event_id)
        elif isinstance(entry, Delete):
            self.files.pop(entry.file, None)
        elif isinstance(entry, Sync):
            self.files.setdefault(entry.file, Image()).sync()
        else:
            self.files.setdefault(entry.file, Image()).pending.append(entry)

    def cut(self, folder: Path, chance: random.Random) -> None:
        """Write what is left after a power cut now."""
        keep = chance.choice((0.0, 0.5, 0.5, 1.0))
        for name, image in self.files.items():
            if not name.endswith("-shm"):
                (folder / name).write_bytes(image.survive(chance, keep))
