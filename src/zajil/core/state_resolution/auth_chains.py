"""Auth chains, and what the states to resolve have not in common there.

Events are local numbers here. The chains are walked over their links alone; no event is read.
"""

from collections.abc import Container, Iterable, Mapping

from zajil.core.events import StateKey
from zajil.core.state_resolution.conflicts import Conflicts
from zajil.core.state_resolution.known import PAUSE, Steps, Work

AuthGraph = dict[int, tuple[int, ...]]
"""The auth events of each event walked over, that event included."""


def walk_auth_chains(nids: Iterable[int], work: Work) -> Steps[AuthGraph]:
    """The graph of some events and all their auth chains."""
    graph: AuthGraph = {}
    links = work.known.links
    level = list(dict.fromkeys(nids))
    seen = set(level)
    while level:
        yield from work.load_links(level)
        below: list[int] = []
        for nid in level:
            auth_nids = graph[nid] = links[nid].auth_nids
            for auth_nid in auth_nids:
                if auth_nid not in seen:
                    seen.add(auth_nid)
                    below.append(auth_nid)
            if work.spend():
                yield PAUSE
        level = below
    return graph


def find_auth_difference(conflicts: Conflicts, graph: AuthGraph, work: Work) -> Steps[set[int]]:
    """The events that are in some states or their auth chains, but not of every state.

    The specification counts only the auth chains. Servers in use count the states themselves too, and so must this one:
    an event that all states have, cited on one side only, is no difference.
    """
    masks: dict[int, int] = {}
    full = (1 << conflicts.states_count) - 1
    yield from _spread(conflicts.masks, graph, masks, work)
    partly = yield from work.select(graph, lambda nid: masks[nid] != full)
    # What the states agree on is in all of them, and so is everything below.
    agreed = yield from _find_agreed(partly, conflicts, work)
    yield from _spread(dict.fromkeys(agreed, full), graph, masks, work)
    partly = yield from work.select(partly, lambda nid: masks[nid] != full)
    # The rest may still be in the auth chain of an event that all states agree on and that nothing in conflict cites.
    superseded = yield from work.select(partly, lambda nid: nid not in conflicts.masks)
    reached = yield from _find_reached_from_agreed(superseded, conflicts, work)
    return set((yield from work.select(partly, lambda nid: nid not in reached)))


def _spread(masks: Mapping[int, int], graph: AuthGraph, spread: dict[int, int], work: Work) -> Steps[None]:
    """Add the bits of some events to these and to all that is below them."""
    for start in masks.items():
        todo = [start]
        while todo:
            nid, mask = todo.pop()
            before = spread.get(nid, 0)
            if before | mask != before:
                spread[nid] = before | mask
                todo.extend((auth_nid, mask) for auth_nid in graph.get(nid, ()))
            if work.spend():
                yield PAUSE


def _find_agreed(nids: Iterable[int], conflicts: Conflicts, work: Work) -> Steps[list[int]]:
    """Those of some events that all states have."""
    links = work.known.links
    by_key: dict[StateKey, list[int]] = {}
    for nid in nids:
        by_key.setdefault(links[nid].key, []).append(nid)
        if work.spend():
            yield PAUSE
    agreed = yield from conflicts.read_agreed(by_key, work)
    keys = yield from work.select(agreed, lambda key: agreed[key] in by_key[key])
    return [agreed[key] for key in keys]


def _find_reached_from_agreed(nids: list[int], conflicts: Conflicts, work: Work) -> Steps[set[int]]:
    """Those of some events that are in the auth chain of an event that all states have.

    Found by walking up: the events that cite something superseded are few, those that all states have are the room.
    """
    cited: AuthGraph = {}
    agreed: set[int] = set()
    level = nids
    seen = set(nids)
    while level:
        yield from work.load_citing(level)
        above: list[int] = []
        for nid in level:
            for citing_nid in work.known.citing[nid]:
                cited[citing_nid] = (*cited.get(citing_nid, ()), nid)
                if citing_nid not in seen:
                    seen.add(citing_nid)
                    above.append(citing_nid)
                if work.spend():
                    yield PAUSE
        yield from work.load_links(above)
        agreed.update((yield from _find_agreed(above, conflicts, work)))
        level = yield from work.select(above, lambda nid: nid not in agreed)
    reached: dict[int, int] = {}
    yield from _spread(dict.fromkeys(agreed, 1), cited, reached, work)
    return set(reached)


def find_conflicted_subgraph(conflicted: Iterable[int], graph: AuthGraph, work: Work) -> Steps[set[int]]:
    """The events on the paths, over auth events, from one conflicted event to another, both ends included."""
    citing: dict[int, list[int]] = {}
    for nid, auth_nids in graph.items():
        for auth_nid in auth_nids:
            citing.setdefault(auth_nid, []).append(nid)
        if work.spend():
            yield PAUSE
    # Everything in the graph is below a conflicted event; what is also above one is on a path.
    todo = list(conflicted)
    above = set(todo)
    while todo:
        for nid in citing.get(todo.pop(), ()):
            if nid not in above:
                above.add(nid)
                todo.append(nid)
        if work.spend():
            yield PAUSE
    return above


def find_reachable_within(nids: Iterable[int], within: Container[int], work: Work) -> Steps[set[int]]:
    """Some events of a set, and those they reach over auth events of the set."""
    links = work.known.links
    todo = list(nids)
    reached = set(todo)
    while todo:
        for auth_nid in links[todo.pop()].auth_nids:
            if auth_nid in within and auth_nid not in reached:
                reached.add(auth_nid)
                todo.append(auth_nid)
        if work.spend():
            yield PAUSE
    return reached
