"""Foreseeing the full disk: a reserve that is given up when the disk fills, so that reading, clean-up and the operator's commands go on.

While space is short, writes are refused before they are begun, with a sentence, and nothing is acknowledged that may not reach the disk. They are
taken again by themselves when there is room. What is marked essential (`ports.database.essential_writes`) may use the reserve's space.
"""

import asyncio
import contextlib
import errno
import os
from pathlib import Path

import structlog

from zajil.ports.database import StorageFull

log = structlog.get_logger(__name__)

RESERVE_FILE = "zajil.reserve"
RESERVE_BYTES_MAX = 64 * 1024 * 1024
RESERVE_SHARE = 20
"""On a small disk the reserve is at most this part of it."""
LOOK_INTERVAL_S = 1.0
MIB = 1024 * 1024


class DiskSpace:
    """Watches the disk under the database, for a process that serves."""

    def __init__(self, database: Path) -> None:
        self._folder = database.parent
        self._reserve = database.with_name(RESERVE_FILE)
        self._looking: asyncio.Task[None] | None = None
        self._is_watching = False
        self.is_short = False

    def start(self) -> None:
        """Begin to watch; needs a running loop."""
        self._is_watching = True
        self._looking = asyncio.create_task(self._look_for_ever())

    def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    def check(self, *, is_essential: bool) -> None:
        """Raises `StorageFull` while there is no room for what is not essential."""
        if self.is_short and not is_essential:
            raise StorageFull("the disk is full")

    def note_full(self) -> None:
        """A write has failed for want of space."""
        if self._is_watching and not self.is_short:
            self._become_short()

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except OSError as error:
                log.warning("cannot see how full the disk is", cause=str(error))
            await asyncio.sleep(LOOK_INTERVAL_S)

    async def look(self) -> None:
        """See how much is free; give the reserve up, or put it aside again."""
        disk = os.statvfs(self._folder)
        if disk.f_flag & os.ST_RDONLY:
            return
        free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        reserve = min(RESERVE_BYTES_MAX, total // RESERVE_SHARE)
        has_reserve = self._reserve.exists()
        # Half of the reserve is the floor; with room for the reserve and twice the floor things are as they should be.
        if not self.is_short and free < reserve // 2 + (0 if has_reserve else reserve):
            self._become_short()
        elif self.is_short and free > 2 * reserve:
            self.is_short = False
            log.warning("there is room on the disk again: messages are taken", free_mib=free // MIB)
        if not self.is_short and not has_reserve:
            await asyncio.to_thread(self._put_aside, reserve)

    def _become_short(self) -> None:
        self.is_short = True
        with contextlib.suppress(OSError):
            self._reserve.unlink()
        log.error(
            "the disk is full: messages can be read but none are taken until there is room; delete something or enlarge it",
            folder=str(self._folder),
        )

    def _put_aside(self, size: int) -> None:
        partial = self._reserve.with_name(RESERVE_FILE + ".new")
        try:
            file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, size)
            finally:
                os.close(file)
            partial.rename(self._reserve)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                log.info("no disk space is reserved", cause=str(error))
