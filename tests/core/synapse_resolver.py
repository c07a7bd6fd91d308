"""Zajil's side of the comparison with Synapse: the process to ask, and the questions."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.core.forked_room_events import AuthCase
from tests.core.state_resolution_rooms import Room, State
from tests.servers import build_environment, find_synapse_python

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
        """`resolved`: a sorted list of event IDs for each case; `auth`: None or the reason of a refusal; `seconds`."""
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
