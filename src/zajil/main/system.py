"""The real clock, real randomness, and the server's own keys."""

import os
import secrets
import time
from pathlib import Path

from zajil.core.signing import SigningKey

KEY_FILE = "signing.key"
KEY_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class SystemClock:
    """`ports.clock.Clock` on the machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()


class SystemRandomness:
    """`ports.randomness.Randomness` from the operating system."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)

    def letters(self, count: int, alphabet: str) -> str:
        return "".join(secrets.choice(alphabet) for _ in range(count))


def load_signing_key(data: Path, randomness: SystemRandomness) -> SigningKey:
    """The server's Ed25519 key, made at the first start; the file is `ed25519 NAME SEED-IN-HEX`, readable by its owner only."""
    path = data / KEY_FILE
    if not path.exists():
        line = f"ed25519 a_{randomness.letters(4, KEY_ID_LETTERS)} {randomness.bytes(32).hex()}\n"
        partial = path.with_name(KEY_FILE + ".new")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    _, name, seed = path.read_text().split()
    return SigningKey(bytes.fromhex(seed), f"ed25519:{name}")
