"""Zajil's side of the comparison with Synapse: the process to ask, and the questions."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.core.forked_room_events import AuthCase
from tests.core.forked_rooms import ForkedRoom
from tests.core.state_resolution_rooms import Caller, Room, State, resolve
from tests.servers import build_environment, find_synapse_python

from zajil.core.event_auth import Rejection, check_event_auth, check_event_auth_events

ORACLE = Path(__file__).with_name("synapse_oracle.py")


class SynapseResolver:
    """Synapse's resolver and authorisation rules in a process of its own. A context manager."""

    def __enter__(self) -> "SynapseResolver":
        python = find_synapse_python()
        assert python is not None, "make .venv-synapse/.installed installs Synapse"
        self._process = subprocess.Popen(
            [str(python), str(ORACLE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=build_environment({}),
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(
        self,
        room: Room,
        cases: Sequence[Sequence[State]],
        auth_cases: Sequence[AuthCase] = (),
        rounds: int = 1,
    ) -> dict[str, Any]:
        """`resolved`: a sorted list of event IDs for each case; `auth`: None or the reason of a refusal; `seconds` of the processor in each round,
        `database_seconds` of them in Synapse's comparison of auth chains."""
        request = {
            "version": room.rules.version,
            "event_ids": list(room.events),
            "pdus": [event.pdu for event in room.events.values()],
            "cases": [[list(state.values()) for state in states] for states in cases],
            "auth": [
                {
                    "pdu": case.event.pdu,
                    "event_id": case.event.event_id,
                    "state": case.state,
                    "rejected": case.rejected,
                }
                for case in auth_cases
            ],
            "rounds": rounds,
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Synapse's resolver has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer


def find_differences(grown: ForkedRoom, resolved: Sequence[Sequence[str]], allowed: Sequence[bool]) -> list[str]:
    """Where Zajil comes to another result than Synapse has come to."""
    room = grown.room
    differences: list[str] = []
    for index, (states, theirs) in enumerate(zip(grown.cases, resolved, strict=True)):
        ours = resolve(room, states, Caller(room)).values()
        differences += [f"case {index}: Zajil has {room.events[event_id].key}" for event_id in {*ours} - {*theirs}]
        differences += [f"case {index}: Synapse has {room.events[event_id].key}" for event_id in {*theirs} - {*ours}]
    for case, is_allowed in zip(grown.auth_cases, allowed, strict=True):
        rejection = judge(room, case)
        if (rejection is None) != is_allowed:
            differences.append(f"{case.event.type} {case.event.content}: Zajil {rejection}, Synapse {is_allowed}")
    return differences


def judge(room: Room, case: AuthCase) -> Rejection | None:
    """The verdict of the authorisation rules that the case is about."""
    if case.state is not None:
        state = {room.events[event_id].key: room.events[event_id] for event_id in case.state}
        return check_event_auth(case.event, state, room.rules)
    if case.event.type == "m.room.create":
        return check_event_auth(case.event, {}, room.rules)
    auth_events = [room.events[event_id] for event_id in case.event.auth_event_ids]
    rejected = () if case.rejected is None else (case.rejected,)
    return check_event_auth_events(case.event, auth_events, rejected, room.rules, create=room.events[room.create_id])
