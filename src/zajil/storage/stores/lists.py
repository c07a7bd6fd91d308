"""Lists of values in SQL."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

LIST_VALUES_MAX = 512


def chunks(values: Sequence[T]) -> Iterator[tuple[str, list[T]]]:
    """Placeholders for `IN (…)` and the values, in pieces. Sizes are powers of two, so that few distinct statements arise."""
    for start in range(0, len(values), LIST_VALUES_MAX):
        piece = list(values[start : start + LIST_VALUES_MAX])
        size = 1 << (len(piece) - 1).bit_length()
        piece.extend([piece[-1]] * (size - len(piece)))
        yield ",".join("?" * size), piece
