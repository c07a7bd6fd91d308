"""What is played, how long, and what is promised meanwhile."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Promise:
    """A bound on a figure of a fault."""

    figure: str
    at_most: float

    @property
    def is_of_time(self) -> bool:
        return self.figure.endswith("_ms")


@dataclass(frozen=True)
class Fault:
    """One thing that happens on the day. Its texts are in drill/texts under its name."""

    name: str
    promises: tuple[Promise, ...] = ()
    needs_copy: bool = True
    """Cannot be done to a server that is not ours (`--target`)."""
    needs_postgres: bool = False


FAILED: Final = ("failed_uploads", "failed_downloads", "failed_syncs")
"""Figures of every fault; promises only where nobody is to notice anything."""
NOTHING_FAILS: Final = tuple(Promise(figure, 0) for figure in ("failures", *FAILED))
FAULTS: Final = (
    Fault("upgrade", (*NOTHING_FAILS, Promise("longest_ms", 500))),
    Fault("kill", (Promise("back_ms", 1000),)),
    Fault("cut-clients", (Promise("back_ms", 2000), Promise("in_sync_ms", 5000)), needs_copy=False),
    Fault("cut-database", (Promise("back_ms", 5000),), needs_postgres=True),
    Fault("reconnect", (Promise("in_sync_ms", 10_000), Promise("refused_sends", 0)), needs_copy=False),
    Fault(
        "flood",
        (
            Promise("p99_over_control_ms", 5),
            Promise("refused_sends", 0),
            Promise("flood_refused_without_retry_after", 0),
        ),
    ),
    Fault("disk-full", (Promise("back_ms", 3000), Promise("failed_reads", 0))),
    Fault("clock-jump", (*NOTHING_FAILS, Promise("time_off_ms", 5000))),
)
FEBRUARY_22: Final = "february-22"
SCENARIOS: Final[dict[str, tuple[Fault, ...]]] = {FEBRUARY_22: FAULTS, **{fault.name: (fault,) for fault in FAULTS}}


@dataclass(frozen=True)
class Scale:
    """How much and how long."""

    people: int
    crowd: int
    """Devices of others, who read and do not write; all come back at once when connections break."""
    groups: int
    group_size: int
    rate_per_s: float
    calm_s: float
    """Of normal traffic before the first fault, and after each."""
    fault_s: float
    flooders: int
    flood_rooms: int
    flood_s: float
    crowd_leaves_s: float
    """Before a flood, until the last poll of the crowd has ended."""
    capacity_per_s: int
    is_quick: bool
    """A check of correctness on a machine that may be busy with other things: times are told and not judged."""
    settle_s_max: float = 60.0


FULL: Final = Scale(60, 1000, 12, 10, 60.0, 15.0, 10.0, 20, 24, 60.0, 11.0, 100, is_quick=False)
QUICK: Final = Scale(12, 60, 3, 6, 25.0, 1.5, 2.0, 6, 8, 2.0, 0.0, 60, is_quick=True, settle_s_max=180.0)
