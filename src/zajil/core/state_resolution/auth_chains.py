"""Auth chains, and what the states to resolve have not in common there."""

from collections.abc import Iterable, Mapping, Sequence

from zajil.core.events import Event
from zajil.core.state_resolution.event_source import EventSource

AuthGraph = dict[str, tuple[str, ...]]
"""The auth event IDs of each event walked over, that event included."""


def walk_auth_chains(event_ids: Iterable[str], source: EventSource, until: set[str] | None = None) -> AuthGraph:
    """The graph of auth events below some events. `until` shrinks as its events are found; the walk ends at none."""
    graph: AuthGraph = {}
    level = sorted(set(event_ids))
    while level:
        below: set[str] = set()
        for event_id, event in source.get_many(level, with_auth_chains=True).items():
            graph[event_id] = event.auth_event_ids
            below.update(event.auth_event_ids)
        if until is not None:
            until -= below
            if not until:
                break
        level = sorted(below - graph.keys())
    return graph


def build_auth_chain(graph: AuthGraph, event_ids: Iterable[str]) -> set[str]:
    """All events reachable from some events over auth events."""
    chain: set[str] = set()
    todo = list(event_ids)
    while todo:
        new = [auth_id for auth_id in graph.get(todo.pop(), ()) if auth_id not in chain]
        chain.update(new)
        todo += new
    return chain


def find_auth_difference(
    conflicted_sets: Sequence[Iterable[str]], unconflicted: Iterable[str], graph: AuthGraph, source: EventSource
) -> set[str]:
    """The events that are in the full auth chain of some state, but not of every one.

    The chains of unconflicted events are in the full auth chains of all states; they are only walked when the chains
    of the conflicted events differ, and no further than needed.
    """
    chains = [build_auth_chain(graph, event_ids) for event_ids in conflicted_sets]
    difference = set[str]().union(*chains) - chains[0].intersection(*chains[1:])
    if difference:
        walk_auth_chains(unconflicted, source, until=difference)
    return difference


def find_conflicted_subgraph(conflicted: set[str], graph: AuthGraph) -> set[str]:
    """The events on the paths, over auth events, from one conflicted event to another, both ends included."""
    parents: dict[str, list[str]] = {}
    for event_id in sorted(graph):
        for auth_id in graph[event_id]:
            parents.setdefault(auth_id, []).append(event_id)
    # Everything in the graph is below a conflicted event; what is also above one is on a path.
    above = set(conflicted)
    todo = sorted(conflicted)
    while todo:
        new = [event_id for event_id in parents.get(todo.pop(), ()) if event_id not in above]
        above.update(new)
        todo += new
    return above


def find_reachable_within(event_ids: Iterable[str], events: Mapping[str, Event]) -> set[str]:
    """Some events of a set, and those they reach over auth events of the set."""
    reached = set(event_ids)
    todo = sorted(reached)
    while todo:
        auth_ids = events[todo.pop()].auth_event_ids
        new = [auth_id for auth_id in auth_ids if auth_id in events and auth_id not in reached]
        reached.update(new)
        todo += new
    return reached
