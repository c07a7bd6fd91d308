"""Synapse's state resolution and authorisation rules, asked over pipes. Runs in Synapse's own virtual environment.

A request is one line of JSON, and so is the answer. Its events go into an SQLite database in memory, where Synapse's own code indexes their auth
chains and later compares them; the resolver, the rules and the event class are Synapse's too. Nothing of Synapse is replaced but the
reactor, which is not needed, and the loading of events, which are all in memory.
"""

import json
import sqlite3
import sys
import time

import synapse.server  # noqa: F401  first, because Synapse's modules import each other in a circle
from synapse import event_auth
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS, StateResolutionVersions
from synapse.events import make_event_from_dict
from synapse.state import v1, v2
from synapse.storage.database import LoggingTransaction
from synapse.storage.databases.main.event_federation import EventFederationWorkerStore
from synapse.storage.databases.main.events import PersistEventsStore
from synapse.storage.engines.sqlite import Sqlite3Engine
from synapse.storage.util.sequence import LocalSequenceGenerator

TABLES = """
CREATE TABLE event_auth_chains (event_id TEXT PRIMARY KEY, chain_id BIGINT NOT NULL, sequence_number BIGINT NOT NULL);
CREATE UNIQUE INDEX event_auth_chains_c_seq_index ON event_auth_chains (chain_id, sequence_number);
CREATE TABLE event_auth_chain_links (
  origin_chain_id BIGINT NOT NULL, origin_sequence_number BIGINT NOT NULL,
  target_chain_id BIGINT NOT NULL, target_sequence_number BIGINT NOT NULL
);
CREATE INDEX event_auth_chain_links_idx ON event_auth_chain_links (origin_chain_id, target_chain_id);
CREATE INDEX event_auth_chain_links_origin_index ON event_auth_chain_links (origin_chain_id, origin_sequence_number);
CREATE TABLE event_auth_chain_to_calculate (event_id TEXT PRIMARY KEY, room_id TEXT, type TEXT, state_key TEXT);
"""


def run(coroutine):
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits for something")


class Pool:
    """The parts of Synapse's database pool that need no connection of its own."""

    def __init__(self, engine):
        from synapse.storage.database import DatabasePool

        self.engine = engine
        for name in ("simple_insert_many_txn", "simple_select_many_txn", "simple_delete_many_txn", "simple_upsert_txn"):
            setattr(self, name, getattr(DatabasePool, name))


class Store:
    """What Synapse's resolver and rules read events and auth chains from."""

    def __init__(self, events):
        self.events = events
        self.database_seconds = 0.0
        engine = Sqlite3Engine({"args": {"database": ":memory:"}})
        connection = sqlite3.connect(":memory:")
        connection.executescript(TABLES)
        self.transaction = LoggingTransaction(
            txn=connection.cursor(), name="oracle", server_name="oracle", database_engine=engine
        )
        self.federation = EventFederationWorkerStore.__new__(EventFederationWorkerStore)
        self.federation.database_engine = engine
        state_events = [event for event in events.values() if event.is_state()]
        if state_events:
            PersistEventsStore._add_chain_cover_index(
                self.transaction,
                Pool(engine),
                LocalSequenceGenerator(lambda _: 0),
                {event.event_id: event.room_id for event in state_events},
                {event.event_id: (event.type, event.state_key) for event in state_events},
                {event.event_id: list(event.auth_event_ids()) for event in state_events},
            )

    async def get_events(self, event_ids, redact_behaviour=None, get_prev_content=False, allow_rejected=False):
        return {event_id: self.events[event_id] for event_id in event_ids if event_id in self.events}

    async def get_auth_chain_difference(self, room_id, state_sets, conflicted_state, additional):
        began = time.process_time()
        difference = self.federation._get_auth_chain_difference_using_cover_index_txn(
            self.transaction, room_id, state_sets, conflicted_state, additional
        )
        self.database_seconds += time.process_time() - began
        return difference


class Clock:
    async def sleep(self, duration):
        return None


def resolve(store, version, room_id, states):
    if len({tuple(sorted(state.items())) for state in states}) == 1:
        return states[0]  # as Synapse's caller does
    if version.state_res == StateResolutionVersions.V1:
        return run(v1.resolve_events_with_store(room_id, version, states, None, store.get_events))
    return run(v2.resolve_events_with_store(Clock(), room_id, version, states, None, store))


def build_event(pdu, event_id, version, rejected=None):
    event = make_event_from_dict(pdu, version, {}, rejected)
    assert event.event_id == event_id, f"Synapse calls {event_id} {event.event_id}"
    return event


def judge(store, version, case):
    event = build_event(case["pdu"], case["event_id"], version)
    try:
        if case["state"] is None:
            rejected = case["rejected"]
            events = dict(store.events)
            if rejected:
                pdu = events[rejected].get_dict()
                events[rejected] = build_event(pdu, rejected, version, "rejected")
            other = Store.__new__(Store)
            other.events = events
            run(event_auth.check_state_independent_auth_rules(other, event))
        else:
            state = [store.events[event_id] for event_id in case["state"]]
            event_auth.check_state_dependent_auth_rules(event, state)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def answer(request):
    version = KNOWN_ROOM_VERSIONS[request["version"]]
    events = {
        event_id: build_event(pdu, event_id, version)
        for event_id, pdu in zip(request["event_ids"], request["pdus"], strict=True)
    }
    store = Store(events)
    room_id = next(iter(events.values())).room_id
    resolved, seconds, database_seconds = [], [], []
    for event_ids in request["cases"]:
        states = [
            {(event.type, event.state_key): event.event_id for event in map(events.__getitem__, state)}
            for state in event_ids
        ]
        for _ in range(request.get("rounds", 1)):
            store.database_seconds = 0.0
            began = time.process_time()
            result = resolve(store, version, room_id, states)
            seconds.append(time.process_time() - began)
            database_seconds.append(store.database_seconds)
        resolved.append(sorted(result.values()))
    return {
        "resolved": resolved,
        "seconds": seconds,
        "database_seconds": database_seconds,
        "auth": [judge(store, version, case) for case in request.get("auth", ())],
    }


def main():
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
