"""State resolution: one room state out of several (room version specification, "State resolution").

Nothing here does I/O: `resolve_state` returns `NeedEvents` until the caller has loaded what it asks for.

    while isinstance(result := resolve_state(sets, rules, events, rejected), NeedEvents):
        events.update(await load_events(result.event_ids, with_auth_chains=result.with_auth_chains))
"""

from collections.abc import Collection, Mapping, Sequence

from zajil.core.events import Event, StateKey
from zajil.core.room_rules import RoomRules
from zajil.core.state_resolution.event_source import (
    EventSource,
    MissingEventsError,
    NeedEvents,
    ResolutionRefused,
    TooManyEventsError,
)
from zajil.core.state_resolution.v1 import resolve_v1
from zajil.core.state_resolution.v2 import resolve_v2, split_states

__all__ = ["NeedEvents", "ResolutionRefused", "resolve_state", "split_states"]

StateSet = Mapping[StateKey, str]


def resolve_state(
    state_sets: Sequence[StateSet],
    rules: RoomRules,
    events: Mapping[str, Event | None],
    rejected_event_ids: Collection[str] = (),
) -> dict[StateKey, str] | NeedEvents | ResolutionRefused:
    """The resolution of some states, as event IDs.

    events has what the caller loaded so far by ID; None stands for an event that cannot be had.
    rejected_event_ids are those among them that were rejected when they were received.
    """
    # A state that occurs twice changes nothing; the order of the states neither.
    distinct: list[dict[StateKey, str]] = []
    for state in map(dict, state_sets):
        if state not in distinct:
            distinct.append(state)
    if len(distinct) <= 1:
        return distinct[0] if distinct else {}
    source = EventSource(events, rejected_event_ids)
    try:
        if rules.state_resolution == "v1":
            return resolve_v1(distinct, rules, source)
        return resolve_v2(distinct, rules, source, with_subgraph=rules.state_resolution == "v2.1")
    except MissingEventsError as missing:
        return missing.need
    except TooManyEventsError:
        return ResolutionRefused("Resolving the state of this room takes more events than this server looks at.")
