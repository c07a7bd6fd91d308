"""What can be seen of the machine without asking the server: disk, memory, open files, and the clock."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from zajil.ports.clock import Clock

CLOCK_STEP_REMEMBERED_S: Final = 10.0
CLOCK_STEP_S_LEAST: Final = 2.0
CGROUP: Final = Path("/sys/fs/cgroup")
MEMORY: Final = Path("/proc/meminfo")


class Vitals:
    """Reads the machine's state again and again."""

    def __init__(
        self,
        data: Path,
        database: Path | None,
        clock: Clock,
        pace: float,
        read_wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`database`: its folder, if it is on this machine. `clock` may be one that does not follow a jump; `read_wall_clock` is the machine's
        own, in seconds."""
        self._data = data
        self._database = database
        self._clock = clock
        self._read_wall_clock = read_wall_clock
        self._remembered_s = CLOCK_STEP_REMEMBERED_S * pace
        self._offset_s = self._read_offset()
        self._step_s = 0.0
        self._stepped_s = 0.0

    def read(self, workers: Iterable[int]) -> dict[str, Any]:
        """Fields of a `Sample`; `workers` are the processes whose open files count."""
        return {
            "disk_free": read_disk_free(self._data),
            "disk_is_read_only": None if self._database is None else read_is_read_only(self._database),
            "memory_free_share": read_memory_free_share(),
            "files_share": max(
                (share for each in workers if (share := read_files_share(each)) is not None), default=None
            ),
            "clock_step_s": self._read_clock_step(),
        }

    def _read_offset(self) -> float:
        return self._read_wall_clock() - self._clock.monotonic_s()

    def _read_clock_step(self) -> float:
        """How far the wall clock jumped against the one that cannot jump; remembered for a moment, and then the new time is the right one."""
        offset_s, now_s = self._read_offset(), self._clock.monotonic_s()
        if abs(offset_s - self._offset_s) > CLOCK_STEP_S_LEAST:
            self._step_s, self._stepped_s = offset_s - self._offset_s, now_s
        self._offset_s = offset_s  # slow corrections are what clocks are for
        if now_s - self._stepped_s > self._remembered_s:
            self._step_s = 0.0
        return self._step_s


def read_disk_free(folder: Path) -> int | None:
    """Bytes that ordinary users may still write where the data is."""
    with contextlib.suppress(OSError):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize
    return None


def read_is_read_only(folder: Path) -> bool | None:
    """Whether nobody may write where the data is: what the kernel makes of a disk that fails."""
    with contextlib.suppress(OSError):
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return None


def read_memory_free_share() -> float | None:
    """The share of the memory that can still be had, of the machine or of the group of processes we are limited to."""
    shares = []
    with contextlib.suppress(OSError, ValueError, KeyError, ZeroDivisionError):
        values = {
            name: int(rest.split()[0])
            for name, _, rest in (line.partition(":") for line in MEMORY.read_text().splitlines())
            if rest.split()
        }
        shares.append(values["MemAvailable"] / values["MemTotal"])
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        limit = int((CGROUP / "memory.max").read_text())
        statistics = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        # Pages of files count as used, but are given up when somebody needs the room.
        used = int((CGROUP / "memory.current").read_text()) - int(statistics.get("inactive_file", 0))
        shares.append(1 - used / limit)
    return min(shares, default=None)


def read_files_share(pid: int) -> float | None:
    """The share of the files and connections a process may have open that it has."""
    with contextlib.suppress(OSError, ValueError, StopIteration, ZeroDivisionError):
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        soft = next(line for line in limits if line.startswith("Max open files")).split()[3]
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) / int(soft)
    return None
