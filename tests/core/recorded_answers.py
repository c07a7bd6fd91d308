"""What Synapse answers about some forked rooms, recorded, so that every run of the tests can compare with it without Synapse.

`python -m tests.core.recorded_answers` records it anew, after a change of the generator or a new version of Synapse; it needs Synapse
(`make .venv-synapse/.installed`).
"""

import hashlib
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.core.forked_rooms import ForkedRoom, build_forked_room
from tests.core.synapse_resolver import SynapseResolver

from zajil.core.room_rules import ROOM_RULES

FILE = Path(__file__).with_name("recorded_answers.json.xz")
SEEDS_PER_VERSION = 18
FILE_BYTES_MAX = 300_000


@dataclass(frozen=True)
class RecordedAnswer:
    version: str
    seed: int
    digest: str
    resolved: list[list[int]]
    """The events of each resolved state, as numbers in the order in which the room got them."""
    allowed: str
    """A 1 for each event that was allowed, a 0 for each that was not."""


def build_digest(grown: ForkedRoom) -> str:
    """Changes with every event of the room, and with what is asked about it."""
    everything = [list(grown.room.events), [sorted(map(sorted, map(dict.values, states))) for states in grown.cases]]
    everything.append([case.event.event_id for case in grown.auth_cases])
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()[:16]


def record() -> None:
    rows: list[list[object]] = []
    with SynapseResolver() as synapse:
        for version in ROOM_RULES:
            for seed in range(SEEDS_PER_VERSION):
                grown = build_forked_room(version, seed)
                answer = synapse.ask(grown.room, grown.cases, grown.auth_cases)
                resolved = [sorted(grown.room.nids[event_id] for event_id in state) for state in answer["resolved"]]
                allowed = "".join(str(int(reason is None)) for reason in answer["auth"])
                rows.append([version, seed, build_digest(grown), resolved, allowed])
    FILE.write_bytes(lzma.compress(json.dumps(rows, separators=(",", ":")).encode(), preset=9))
    print(f"{len(rows)} rooms, {FILE.stat().st_size:,} bytes")


def load() -> Iterator[RecordedAnswer]:
    for row in json.loads(lzma.decompress(FILE.read_bytes())):
        yield RecordedAnswer(*row)


if __name__ == "__main__":
    record()
