"""Each fault opens an incident within 20 s that names its cause, and closes it within 60 s of its end; a normal day opens none."""

from dataclasses import replace

import pytest
from tests.status.simulation import FAULTS, HEALTHY, START_MS, SimulatedServer, build_fault

from zajil.core.health import NATURES, Cause, Component, Probe, Sample, State, judge
from zajil.core.incident_tracking import IncidentTracker
from zajil.core.incidents import (
    ENTRIES_MAX,
    Entry,
    Incident,
    Kind,
    component_states,
    dump_incident,
    load_incident,
    merge_incidents,
    open_incident,
    overall_state,
)
from zajil.status.memory import Memory


@pytest.mark.parametrize("phase", range(10))
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_opens_and_closes_one_incident(name: str, phase: int) -> None:
    cause, fault = FAULTS[name]
    server = SimulatedServer()
    assert server.run(60 + phase) == []
    server.change = fault
    began = server.second
    server.run(20)
    assert server.open_causes == [cause], name
    (incident,) = server.seen.values()
    assert (incident.opened_ts_ms - START_MS) / 1000 - began <= 20
    server.run(70)
    assert server.open_causes == [cause], "stays open as long as the fault lasts"
    server.change = lambda sample: sample
    ended = server.second
    server.run(60)
    assert server.open_causes == []
    (incident,) = server.seen.values()
    assert incident.cause is cause
    assert incident.closed_ts_ms is not None
    assert (incident.closed_ts_ms - START_MS) / 1000 - ended <= 60
    kinds = [entry.kind for entry in incident.entries]
    assert kinds[0] is Kind.OPENED
    assert kinds[-1] is Kind.CLOSED


@pytest.mark.parametrize("seed", range(3))
def test_a_day_of_normal_load_opens_none(seed: int) -> None:
    server = SimulatedServer(seed)
    random = server.random

    def noise(sample: Sample) -> Sample:
        """What happens on a good day: a checkpoint, a garbage collection, a reload, a lost packet, a bug, a slow gateway."""
        hour = server.second % 86_400 // 3600
        load = 0.3 + 0.7 * (8 <= hour <= 23)
        requests = int(random.expovariate(1 / (3000 * load)))
        sample = replace(
            sample,
            commit_ms=random.lognormvariate(1.0, 0.8),
            loop_lag_ms=random.lognormvariate(1.5, 0.9),
            queue_wait_ms=random.lognormvariate(1.0, 1.0),
            requests=requests,
            errors=min(requests, int(random.expovariate(2))),
            shed=min(requests, int(random.expovariate(0.5))),
            send_ms=random.lognormvariate(1.5, 0.7),
            delivery_ms=random.lognormvariate(2.0, 0.7),
            pushers_failing=random.randrange(8),
        )
        luck = random.random()
        if luck < 0.002:
            sample = replace(sample, commit_ms=600.0, queue_wait_ms=700.0)
        elif luck < 0.003:
            sample = replace(sample, loop_lag_ms=900.0, worker_silent_s=2.0)
        elif luck < 0.004:
            sample = replace(sample, probe=Probe.UNREACHABLE)
        elif luck < 0.0042:
            sample = replace(sample, worker_is_up=False, worker_deaths=1, probe=Probe.UNREACHABLE)
        elif luck < 0.0045:
            sample = replace(sample, delivery_ms=5000.0)
        elif luck < 0.0047:
            sample = replace(sample, database_answers=False)
        return sample

    assert server.run(86_400, noise) == [], f"seed {seed}"


def test_a_symptom_is_renamed_when_its_cause_is_known() -> None:
    server = SimulatedServer()
    server.change = build_fault(errors=500)
    server.run(10)
    assert server.open_causes == [Cause.ERRORS]
    server.change = build_fault(errors=500, database_answers=False)
    server.run(5)
    assert server.open_causes == [Cause.DATABASE_UNREACHABLE]
    (incident,) = server.seen.values()
    assert [entry.kind for entry in incident.entries] == [Kind.OPENED, Kind.IDENTIFIED]
    assert incident.state is State.OUTAGE


def test_what_a_cause_leaves_behind_opens_nothing() -> None:
    """Errors are counted over ten seconds, so they are still seen when the database is back."""
    server = SimulatedServer()
    server.change = build_fault(database_answers=False, errors=500)
    server.run(30)
    server.change = build_fault(errors=500)
    server.run(9)
    server.change = lambda sample: sample
    server.run(60)
    assert len(server.seen) == 1


def test_independent_causes_have_their_own_incidents() -> None:
    server = SimulatedServer()
    server.change = build_fault(media_answers=False, pushers_failing=50)
    server.run(20)
    assert server.open_causes == [Cause.MEDIA_UNREACHABLE, Cause.PUSH_FAILING]
    states = component_states(server.tracker.open.values())
    assert states[Component.MEDIA] is State.OUTAGE
    assert states[Component.NOTIFICATIONS] is State.DEGRADED
    assert states[Component.MESSAGING] is State.OPERATIONAL
    assert overall_state(server.tracker.open.values()) is State.DEGRADED


def test_what_comes_back_soon_is_the_same_incident_and_closes_later() -> None:
    server = SimulatedServer()
    durations = []
    for _ in range(3):
        server.change = build_fault(media_answers=False)
        server.run(20)
        server.change = lambda sample: sample
        ended = server.second
        server.run(60)
        (incident,) = server.seen.values()
        assert incident.closed_ts_ms is not None
        durations.append((incident.closed_ts_ms - START_MS) / 1000 - ended)
    assert [entry.kind for entry in incident.entries] == [Kind.OPENED, Kind.CLOSED, *[Kind.REOPENED, Kind.CLOSED] * 2]
    assert durations == sorted(durations)
    assert durations[0] < durations[1]
    assert max(durations) <= 60


def test_values_between_the_thresholds_change_nothing() -> None:
    server = SimulatedServer()
    server.change = build_fault(commit_ms=200.0)
    assert server.run(60) == []
    server.change = build_fault(commit_ms=300.0)
    server.run(20)
    server.change = build_fault(commit_ms=200.0)
    assert server.run(120) == []
    assert server.open_causes == [Cause.SLOW_COMMITS]


def test_nothing_known_opens_and_closes_nothing() -> None:
    tracker = IncidentTracker("node", lambda: "x")
    assert all(tracker.step(second, second * 1000, Sample()) == [] for second in range(100))
    assert not any(judge(Sample(), frozenset()).values())
    server = SimulatedServer()
    server.change = build_fault(media_answers=False)
    server.run(20)
    server.change = build_fault(media_answers=None)
    assert server.run(300) == []


def test_a_read_only_disk_is_not_the_cause_while_the_database_writes_elsewhere() -> None:
    server = SimulatedServer()
    server.change = build_fault(disk_is_read_only=True)
    assert server.run(60) == []
    server.change = build_fault(database_answers=False)
    server.run(20)
    assert server.open_causes == [Cause.DATABASE_UNREACHABLE]


def test_long_incidents_are_updated() -> None:
    server = SimulatedServer()
    server.change = build_fault(media_answers=False)
    server.run(3 * 3600)
    (incident,) = server.seen.values()
    assert [entry.kind for entry in incident.entries] == [Kind.OPENED, *[Kind.UPDATE] * 5]


def test_the_next_process_goes_on_where_the_last_one_was() -> None:
    server = SimulatedServer()
    server.change = build_fault(media_answers=False)
    server.run(20)
    stored = [load_incident(dump_incident(each)) for each in server.seen.values()]
    server.tracker = IncidentTracker("node", server.build_id, past=stored)
    assert server.run(20) == []
    server.change = lambda sample: sample
    server.run(60)
    assert [each.is_open for each in server.seen.values()] == [False]


def test_every_cause_is_explained_in_one_direction_only() -> None:
    for cause, nature in NATURES.items():
        assert cause not in nature.explains
        for other in nature.explains:
            assert cause not in NATURES[other].explains or {cause, other} <= {Cause.WORKER_DOWN, Cause.WORKER_RESTARTS}
            assert list(Cause).index(cause) < list(Cause).index(other), (cause, other)
    assert set(NATURES) == set(Cause) - {Cause.OPERATOR}


def test_two_views_of_an_incident_become_one() -> None:
    base = Incident("1", "a", Cause.ERRORS, State.DEGRADED, (Component.SERVER,), State.DEGRADED, 1000)
    base = base.add(Entry(1000, Kind.OPENED, Cause.ERRORS))
    noted = base.add(Entry(2000, Kind.NOTE, Cause.ERRORS, {"en": "we look", "ar": "ننظر"}))
    closed = replace(base.add(Entry(3000, Kind.CLOSED, Cause.ERRORS)), closed_ts_ms=3000)
    for one, other in ((noted, closed), (closed, noted)):
        merged = merge_incidents(one, other)
        assert merged.closed_ts_ms == 3000
        assert [entry.kind for entry in merged.entries] == [Kind.OPENED, Kind.NOTE, Kind.CLOSED]
    assert merge_incidents(closed, closed) == closed
    for second in range(ENTRIES_MAX * 2):
        base = base.add(Entry(second, Kind.UPDATE, Cause.ERRORS))
    assert len(base.entries) == ENTRIES_MAX
    assert base.entries[0].kind is Kind.OPENED


@pytest.mark.parametrize("kind", [Kind.IDENTIFIED, Kind.UPDATE, Kind.NOTE, Kind.REOPENED])
def test_an_end_is_an_end_when_the_clock_was_set_back(kind: Kind) -> None:
    """Whatever was written last, and however late that was by the clock of then."""
    incident = open_incident("i1", "node", Cause.ERRORS, 1000, {}).add(Entry(10_000, kind, Cause.ERRORS))
    memory = Memory("node")
    memory.put([incident])
    tracker = IncidentTracker("node", lambda: "x", past=[incident])
    changed = [each for second in range(20) for each in tracker.step(second, 5000, HEALTHY)]
    memory.put(changed)
    assert not memory.incidents["i1"].is_open
    assert [entry.kind for entry in memory.incidents["i1"].entries] == [Kind.OPENED, kind, Kind.CLOSED]


def test_what_the_tracker_writes_stands_in_its_order_when_the_clock_was_set_back() -> None:
    server = SimulatedServer()
    server.change = build_fault(errors=500)
    server.run(20)
    (incident,) = server.seen.values()
    # A note from a time to come; then the cause is found, goes on, and ends.
    server.tracker.take(incident.add(Entry(START_MS + 10**9, Kind.NOTE, Cause.ERRORS, {"en": "we look"})))
    server.change = build_fault(errors=500, database_answers=False)
    server.run(3600)
    server.change = lambda sample: sample
    server.run(60)
    (incident,) = server.seen.values()
    assert [entry.kind for entry in incident.entries] == [
        Kind.OPENED, Kind.NOTE, Kind.IDENTIFIED, Kind.UPDATE, Kind.CLOSED,
    ]  # fmt: skip
    times = [entry.ts_ms for entry in incident.entries]
    assert times == sorted(set(times))
    assert incident.closed_ts_ms == times[-1]


def test_a_healthy_sample_holds_nothing() -> None:
    assert not any(judge(HEALTHY, frozenset()).values())
