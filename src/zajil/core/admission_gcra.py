"""GCRA, the generic cell rate algorithm: a limit of so many at once and then one every so often, kept as a single number per key."""

from dataclasses import dataclass
from typing import Final

ALMOST_S: Final = 1e-9
"""Sums of intervals are off by so much: who waits as long as told must be let through."""


@dataclass(frozen=True, slots=True)
class Gcra:
    """`burst` at once, then one every `interval_s`."""

    interval_s: float
    burst: int

    def halve(self) -> "Gcra":
        """Half of it: half as many at once, then half as often."""
        return Gcra(self.interval_s * 2, max(1, self.burst // 2))

    def wait_s(self, full_s: float, now_s: float, cells: int = 1) -> float:
        """How long `cells` uses must wait, 0 for not at all, of a key that will have its whole burst again at `full_s`.

        More uses than the burst may go together when nothing was used before: else they never could.
        """
        needed = min(cells, self.burst)
        wait_s = max(full_s, now_s) - now_s - self.interval_s * (self.burst - needed)
        return wait_s if wait_s > ALMOST_S else 0.0

    def take(self, full_s: float, now_s: float, cells: int = 1) -> float:
        """When the key will have its whole burst again, after `cells` more uses."""
        return max(full_s, now_s) + self.interval_s * cells
