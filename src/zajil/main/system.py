"""The real clock, real randomness, and the server's own keys."""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from zajil.core.server_keys import OwnOldKey
from zajil.core.signing import SigningKey
from zajil.ports.configuration import ConfigError

log = structlog.get_logger(__name__)

KEY_FILE = "signing.key"
KEY_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


JUMP_MS = 2_000
"""The clock on the wall and the steady one differ by less than this as long as nobody sets the former."""
JUMP_BELIEVED_S = 60.0


class SystemClock:
    """`ports.clock.Clock` on the machine's clocks.

    A jump of the clock on the wall is believed only when it has lasted for a minute. Until then time goes on as before: a clock that is set wrong for a moment
    puts no message into another year, and lets no token expire.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._offset_ms = self._find_offset_ms()
        self._jumped_at_s: float | None = None

    def _find_offset_ms(self) -> int:
        return (self._wall_ns() - self._steady_ns()) // 1_000_000

    def now_ms(self) -> int:
        offset_ms = self._find_offset_ms()
        if abs(offset_ms - self._offset_ms) < JUMP_MS:
            # Small corrections, as NTP makes them, are followed.
            self._offset_ms = offset_ms
            self._jumped_at_s = None
            return self._wall_ns() // 1_000_000
        self._judge_jump(offset_ms)
        return self._steady_ns() // 1_000_000 + self._offset_ms

    def _judge_jump(self, offset_ms: int) -> None:
        now_s = self.monotonic_s()
        jump_s = (offset_ms - self._offset_ms) / 1000
        if self._jumped_at_s is None:
            self._jumped_at_s = now_s
            log.warning("the machine's clock has jumped; it is not followed yet", seconds=round(jump_s))
        elif now_s - self._jumped_at_s > JUMP_BELIEVED_S:
            self._jumped_at_s = None
            self._offset_ms = offset_ms
            log.warning("the machine's clock has jumped for good; it is followed from now on", seconds=round(jump_s))

    def monotonic_s(self) -> float:
        return self._steady_ns() / 1e9


def shift_wall(file: Path) -> Callable[[], int]:
    """The wall clock as it seems when it is set wrong by the seconds that stand in a file, for drills."""

    def read_ns() -> int:
        try:
            return time.time_ns() + int(file.read_text()) * 1_000_000_000
        except (OSError, ValueError):
            return time.time_ns()

    return read_ns


class SystemRandomness:
    """`ports.randomness.Randomness` from the operating system."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)

    def letters(self, count: int, alphabet: str) -> str:
        return "".join(secrets.choice(alphabet) for _ in range(count))


def load_signing_keys(data: Path, randomness: SystemRandomness) -> tuple[SigningKey, tuple[OwnOldKey, ...]]:
    """The server's Ed25519 key, made at the first start, and those it has used before.

    The file is readable by its owner only. A line is `ed25519 NAME SEED`, or for an old key, of which only the public half is kept,
    `old NAME PUBLIC EXPIRED`: hexadecimal, and the time in milliseconds since 1970.
    """
    path = data / KEY_FILE
    if not path.exists():
        # Several workers may start for the first time at once.
        write_key_file(path, [build_key_line(randomness)], is_first=True)
    current: SigningKey | None = None
    old: list[OwnOldKey] = []
    for line in path.read_text().splitlines():
        kind, _, rest = line.strip().partition(" ")
        if kind == "ed25519":
            name, seed = rest.split()
            current = current or SigningKey(bytes.fromhex(seed), f"ed25519:{name}")
        elif kind == "old":
            name, public_key, expired_ts = rest.split()
            old.append(OwnOldKey(f"ed25519:{name}", bytes.fromhex(public_key), int(expired_ts)))
    if current is None:
        raise ConfigError(
            f"{path} has no signing key. Restore it from a backup, or rename it so that a new one is made."
        )
    return current, tuple(old)


def build_key_line(randomness: SystemRandomness) -> str:
    return f"ed25519 a_{randomness.letters(4, KEY_ID_LETTERS)} {randomness.bytes(32).hex()}"


def write_key_file(path: Path, lines: list[str], *, is_first: bool = False) -> None:
    """Replace the file in one step; with `is_first` only if there is none, whoever else makes one at the same time."""
    partial = path.with_name(f"{KEY_FILE}.{secrets.token_hex(4)}.new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if not (is_first and _link_if_new(partial, path)):
            partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # what is signed from now on must be verifiable for ever
    finally:
        os.close(folder)


def _link_if_new(partial: Path, path: Path) -> bool:
    """Give the file its name, or leave the one that has it. False: this file system has no links."""
    try:
        os.link(partial, path)
    except FileExistsError:
        return True
    except OSError:
        return path.exists()
    return True


def rotate_signing_key(data: Path, randomness: SystemRandomness, now_ms: int) -> str:
    """Make a new key and keep the former one's public half; it is used from the next reload on. Returns the new key's ID."""
    path = data / KEY_FILE
    current, old = load_signing_keys(data, randomness)
    line = build_key_line(randomness)
    retired = OwnOldKey(current.key_id, current.public_key, now_ms)
    former = [
        f"old {key.key_id.removeprefix('ed25519:')} {key.public_key.hex()} {key.expired_ts}" for key in (retired, *old)
    ]
    write_key_file(path, [line, *former])
    return "ed25519:" + line.split()[1]
