"""A consistent copy of a database file that is being written to, without a long read transaction (invariant 4).

A long one would keep the write-ahead log from being emptied. SQLite's own backup begins again with every commit of another process. So the file is
copied as it is, torn and out of date in places, while every page that appears in the write-ahead log meanwhile is noted; those pages are then copied
once more from one short snapshot.

No page is missed, because the log cannot begin again unseen: a reader is pinned between two looks at the log, and while the reader is moved forward
writers are locked out for some milliseconds. A pinned reader lets the log begin again at most once, and only when all of it, which has been
seen, is in the database file.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from zajil.ports.database import StorageUnavailable
from zajil.storage.sqlite import files

CHUNK_PAGES = 512
LOOK_INTERVAL_S = 1.0
CHECKPOINT_PAGES = 4096
SNAPSHOT_PAGES_MAX = 50_000
ROUNDS_MAX = 10
LOCK_WAIT_S_MAX = 10.0
LOCK_PAUSE_S = 0.0005
HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24

Progress = Callable[[int, int], None]


class LiveCopy:
    """One copy under way; holds its connections until closed. `progress(bytes done, bytes in all)` is called now and then."""

    def __init__(self, source: Path, target: Path, progress: Progress) -> None:
        self._progress = progress
        self._locker = files.open_connection(source)
        self._pin = files.open_connection(source)
        self._probe = files.open_connection(source)
        self._pin.execute("SELECT position FROM log_head").fetchall()  # the log's file exists from here on
        self._page_bytes: int = self._pin.pragma("page_size")
        # Through SQLite's own file layer: closing a plain descriptor of the file would drop every lock of this process.
        flags = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY
        self._main = apsw.VFSFile("", str(source.resolve()), [flags, 0])
        self._wal = os.open(f"{source}-wal", os.O_RDONLY)
        self._target = target.open("wb")
        self._salt = b""
        self._frames: dict[int, int] = {}
        """Pages in the log as it is now, and their newest frame."""
        self._seen = 0
        self._changed: set[int] = set()
        self._page_count = 0

    def run(self) -> None:
        """Copy everything; the target is on disk when it returns."""
        self._look()
        self._copy_file()
        for _ in range(ROUNDS_MAX):
            if len(self._changed) <= SNAPSHOT_PAGES_MAX:
                break
            self._copy_changed()
        self._look()
        self._copy_snapshot()
        self._target.truncate(self._page_count * self._page_bytes)
        self._target.flush()
        os.fsync(self._target.fileno())

    def close(self) -> None:
        self._target.close()
        for connection in (self._pin, self._locker, self._probe):
            connection.close()
        self._main.xClose()
        os.close(self._wal)

    # Looking at the log

    def _look(self) -> None:
        """Note what the log has, and move the pinned reader to its end."""
        self._lock_writers()
        try:
            length, _ = self._measure_log()
            self._note_frames(length)
            if self._pin.in_transaction:
                self._pin.execute("ROLLBACK")
            if length >= CHECKPOINT_PAGES:
                self._checkpoint()
            self._pin.execute("BEGIN")
            self._page_count = self._pin.execute("PRAGMA page_count").get
            self._pin.execute("SELECT position FROM log_head").fetchall()
        finally:
            self._locker.execute("ROLLBACK")

    def _lock_writers(self) -> None:
        deadline = time.monotonic() + LOCK_WAIT_S_MAX
        while True:
            try:
                self._locker.execute("BEGIN IMMEDIATE")
                return
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise StorageUnavailable("the database is kept locked by another process") from None
                time.sleep(LOCK_PAUSE_S)

    def _measure_log(self) -> tuple[int, int]:
        """Its length in frames, and how many of them are in the database file."""
        return self._probe.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)

    def _checkpoint(self) -> None:
        try:
            self._probe.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return  # the server is at it

    def _note_frames(self, length: int) -> None:
        salt = os.pread(self._wal, HEADER_BYTES, 0)[16:24]
        if salt != self._salt:
            self._salt, self._seen = salt, 0
            self._frames = {}
        for frame in range(self._seen, length):
            header = os.pread(self._wal, FRAME_HEADER_BYTES, self._frame_offset(frame))
            if header[8:16] != salt:
                raise StorageUnavailable("the write-ahead log is not as its length says")
            page = int.from_bytes(header[:4])
            self._frames[page] = frame
            self._changed.add(page)
        self._seen = max(length, 0)

    def _frame_offset(self, frame: int) -> int:
        return HEADER_BYTES + frame * (FRAME_HEADER_BYTES + self._page_bytes)

    # Copying

    def _copy_file(self) -> None:
        """The database file from its beginning to the end it had at first; what is added later is in the log."""
        size = self._main.xFileSize()
        looked_at = time.monotonic()
        done = 0
        while done < size:
            data = self._main.xRead(min(CHUNK_PAGES * self._page_bytes, size - done), done)
            if not data:
                break
            self._target.write(data)
            done += len(data)
            self._progress(done, size)
            if time.monotonic() - looked_at > LOOK_INTERVAL_S:
                self._look()
                looked_at = time.monotonic()

    def _copy_changed(self) -> None:
        """Bring what has changed up to date, so that less is left for the snapshot. Pages still in the log stay on the list."""
        self._look()
        pages = sorted(self._changed - self._frames.keys())
        self._changed = set(self._frames)
        looked_at = time.monotonic()
        for page in pages:
            self._write_page(page, self._read_main(page))
            if time.monotonic() - looked_at > LOOK_INTERVAL_S:
                self._look()
                looked_at = time.monotonic()

    def _copy_snapshot(self) -> None:
        """Every changed page as the pinned reader's snapshot has it: from its frame, unless all frames are in the file.

        When they are, the log may have begun again, and when they are not, the pinned reader keeps all of them; either way
        it keeps newer pages out of the file.
        """
        length, copied = self._measure_log()
        salt = os.pread(self._wal, HEADER_BYTES, 0)[16:24]
        in_file = salt != self._salt or (length == self._seen and copied == length)
        for page in sorted(self._changed):
            if page <= self._page_count:
                frame = None if in_file else self._frames.get(page)
                self._write_page(page, self._read_main(page) if frame is None else self._read_frame(frame))
        self._pin.execute("ROLLBACK")

    def _read_main(self, page: int) -> bytes:
        return self._main.xRead(self._page_bytes, (page - 1) * self._page_bytes)

    def _read_frame(self, frame: int) -> bytes:
        data = os.pread(self._wal, FRAME_HEADER_BYTES + self._page_bytes, self._frame_offset(frame))
        if data[8:16] != self._salt:
            raise StorageUnavailable("the write-ahead log began again under a reader")
        return data[FRAME_HEADER_BYTES:]

    def _write_page(self, page: int, data: bytes) -> None:
        self._target.seek((page - 1) * self._page_bytes)
        self._target.write(data)


def copy_database(source: Path, target: Path, progress: Progress) -> None:
    """Copy a live database file and check the copy. Blocks. Raises `StorageUnavailable`."""
    copy = LiveCopy(source, target, progress)
    try:
        copy.run()
    except (OSError, apsw.Error) as error:
        raise StorageUnavailable(f"the database cannot be copied: {error}") from error
    finally:
        copy.close()
    check_database(target)


def check_database(path: Path) -> None:
    """Raise `StorageUnavailable` unless the file, which nobody writes to, is a sound database."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        connection = apsw.Connection(f"{path.resolve().as_uri()}?immutable=1", flags=flags)
        answers = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
        connection.close()
    except apsw.Error as error:
        raise StorageUnavailable(f"{path.name} is damaged: {error}") from error
    if answers != ["ok"]:
        raise StorageUnavailable(f"{path.name} is damaged: {answers[0]}")
