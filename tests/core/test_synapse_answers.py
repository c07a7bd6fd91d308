"""State resolution and authorisation come to Synapse's results, in forked rooms of every version.

Where Synapse is known to differ from the specification the generator keeps away; those differences stand at the end of this file.
"""

from collections import Counter

import pytest
from tests.core import recorded_answers
from tests.core.forked_rooms import CREATOR, build_forked_room
from tests.core.recorded_answers import RecordedAnswer, build_digest
from tests.core.state_resolution_rooms import Room
from tests.core.synapse_resolver import SynapseResolver, find_differences

from zajil.core.room_rules import ROOM_RULES

ANSWERS = list(recorded_answers.load())


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer.version}-{answer.seed}")
def test_as_synapse_answered(answer: RecordedAnswer) -> None:
    grown = build_forked_room(answer.version, answer.seed)
    assert build_digest(grown) == answer.digest, "the generator has changed: python -m tests.core.recorded_answers"
    event_ids = list(grown.room.events)
    resolved = [[event_ids[number - 1] for number in state] for state in answer.resolved]
    assert find_differences(grown, resolved, [digit == "1" for digit in answer.allowed]) == []


def test_enough_is_recorded() -> None:
    assert recorded_answers.FILE.stat().st_size <= recorded_answers.FILE_BYTES_MAX
    assert Counter(answer.version for answer in ANSWERS) == dict.fromkeys(
        ROOM_RULES, recorded_answers.SEEDS_PER_VERSION
    )
    verdicts = Counter(digit for answer in ANSWERS for digit in answer.allowed)
    assert min(verdicts.values()) > 3_000


# The live comparison: at least 5,000 rooms for each of the three algorithms.

BLOCK = 250
ROOMS_PER_VERSION = {**dict.fromkeys(ROOM_RULES, 500), "1": 5_000, "12": 5_000}
ROOMS_PER_AUTH_CASES = 5
"""Of so many rooms one has its authorisation compared too."""
BLOCKS = [(version, first) for version, rooms in ROOMS_PER_VERSION.items() for first in range(0, rooms, BLOCK)]


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("version", "first"), BLOCKS)
def test_as_synapse_answers(version: str, first: int) -> None:
    differences: dict[int, list[str]] = {}
    with SynapseResolver() as synapse:
        for seed in range(1_000 + first, 1_000 + first + BLOCK):
            grown = build_forked_room(version, seed, with_auth_cases=seed % ROOMS_PER_AUTH_CASES == 0)
            answer = synapse.ask(grown.room, grown.cases, grown.auth_cases)
            allowed = [reason is None for reason in answer["auth"]]
            found = find_differences(grown, answer["resolved"], allowed)
            if found:
                differences[seed] = found
    assert differences == {}


# Where Synapse differs from the specification, and Zajil follows it


@pytest.mark.parametrize("version", ["1", "11", "12"])
def test_a_closed_room_is_closed_to_senders_only(version: str) -> None:
    """Rule 4 of room version 12 looks at the sender's server; Synapse also refuses a local user's invite of a remote one."""
    room = Room(version, CREATOR, {"m.federate": False})
    assert room.put("m.room.member", CREATOR, CREATOR, {"membership": "join"}, 2)
    remote = "@chams:b.example"
    assert room.put("m.room.member", remote, CREATOR, {"membership": "invite"}, 3)
    assert room.put("m.room.member", remote, remote, {"membership": "join"}, 4) is None
