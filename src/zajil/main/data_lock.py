"""The lock on the data folder: one server at a time, and who it is."""

import errno
import fcntl
import os
import time
from pathlib import Path

from zajil.main.console import ServeError, warn

LOCK_FILE = "zajil.lock"
LOCK_WAIT_S_MAX = 10.0
READ_ONLY = (errno.EROFS, errno.EACCES)


def lock_data(data: Path, wait_s: float = LOCK_WAIT_S_MAX) -> int:
    """Make the data folder and lock it for this process and its workers; returns the open lock file.

    Waits a moment, because the workers of a killed supervisor need it to notice. Raises `ServeError`.
    """
    lock = _open_lock(data)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise ServeError(f"Another zajil is already running with the data folder {data}.") from None
            time.sleep(0.02)
    note_owner(lock)
    return lock


def _open_lock(data: Path) -> int:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in READ_ONLY and (data / LOCK_FILE).exists():
            try:  # a disk that has become read-only still has messages to read
                lock = os.open(data / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                pass
            else:
                warn(f"zajil: the data folder {data} is read-only: messages can be read but none can be sent.")
                return lock
        raise ServeError(f"The data folder {data} cannot be used: {error.strerror}.") from None


def note_owner(lock: int) -> None:
    """Write down which process holds the lock; on a disk that takes no more writes it stays unsaid."""
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    except OSError as error:
        if error.errno not in (*READ_ONLY, errno.ENOSPC, errno.EDQUOT, errno.EINVAL, errno.EBADF, errno.EIO):
            raise


def load_supervisor_pid(data: Path) -> int | None:
    """The process that serves this data folder, or None when none does (or it could not write that down)."""
    try:
        lock = os.open(data / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(lock, 20, 0).decode("ascii", "replace")
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(lock)
