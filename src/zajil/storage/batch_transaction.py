"""What the open write transaction of a batch keeps beside its statements, whatever the engine."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from zajil.ports.database import Stream, Touch


def merge_touches(written: Iterable[bytes]) -> list[Touch] | None:
    """What other processes wrote down of their commits, as JSON; None if one is of a later version and touched what this one does not know."""
    try:
        return list(dict.fromkeys((Stream(stream), key) for each in written for stream, key in orjson.loads(each)))
    except ValueError:
        return None


class BatchTransaction:
    """The part of `ports.database.Transaction` that is memory: the log's next position, whom the commit touches, what runs after it."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        """The position taken last."""
        self.touches: list[Touch] = []
        self.callbacks: list[Callable[[], None]] = []
        self.writes = 0
        """Grows with everything that a failing item would leave behind."""
        self.scratch: dict[Any, Any] = {}

    async def append(self, stream: Stream, key: str) -> int:
        self.writes += 1
        self.position += 1
        self.touches.append((stream, key))
        return self.position

    def touch(self, stream: Stream, key: str) -> None:
        self.writes += 1
        self.touches.append((stream, key))

    def on_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)
