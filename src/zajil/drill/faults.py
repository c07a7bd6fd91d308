"""What happens on the day: each fault is done to the installation while the traffic goes on, and measured."""

import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from zajil.drill.flood import Came
from zajil.drill.installation import DrillError, Installation, build_environment
from zajil.drill.ledger import Ledger, Message, Window, find_percentile
from zajil.drill.matrix_client import GONE, Person, Refused
from zajil.drill.plan import FAULTS, Scale
from zajil.drill.traffic import Traffic

RETURN_S_MAX: Final = 120.0
CUT_S: Final = 2.0
CLOCK_JUMP_S: Final = 3600
LIVE_SHARE: Final = 0.15
"""Of the capacity, for the conversations beside a flood."""
FLOOD_FACTOR: Final = 10
FLOOD_PROCESS_S_MAX: Final = 120.0


class Day:
    """Everything a fault needs. `installation` is None when the server is not ours."""

    def __init__(self, scale: Scale, traffic: Traffic, ledger: Ledger, installation: Installation | None) -> None:
        self.scale = scale
        self.traffic = traffic
        self.ledger = ledger
        self.installation = installation
        self.notes: dict[str, str] = {}
        """More to say of a fault, for the report."""

    @property
    def ours(self) -> Installation:
        assert self.installation is not None
        return self.installation

    async def find_back_ms(self, since_s: float) -> float:
        """Milliseconds from `since_s` until a message is acknowledged that was tried after it."""
        deadline = time.monotonic() + RETURN_S_MAX
        while time.monotonic() < deadline:
            acked = [
                each.acked_s
                for each in self.ledger.messages[-2000:]
                if each.acked_s is not None and each.tried_s > since_s
            ]
            if acked:
                return (min(acked) - since_s) * 1000
            await asyncio.sleep(0.005)
        return float("inf")

    async def find_in_sync_ms(self, since_s: float) -> float:
        taken_s = await self.traffic.wait_until_synced(since_s, RETURN_S_MAX)
        return float("inf") if taken_s is None else taken_s * 1000


def find_waited_s(message: Message) -> float:
    """How long a message took, or takes already."""
    return time.monotonic() - message.due_s if message.latency_s is None else message.latency_s


async def upgrade(day: Day) -> dict[str, float]:
    began_s = time.monotonic()
    await day.ours.reload()
    await asyncio.sleep(day.scale.fault_s)
    due = [each for each in day.ledger.messages if each.due_s >= began_s]
    return {
        "failures": sum(each.failures for each in due),
        "longest_ms": max((find_waited_s(each) * 1000 for each in due), default=float("inf")),
    }


async def kill(day: Day) -> dict[str, float]:
    day.ours.kill_worker()
    back_ms = await day.find_back_ms(time.monotonic())
    await asyncio.sleep(day.scale.fault_s)
    return {"back_ms": back_ms}


async def cut_clients(day: Day) -> dict[str, float]:
    day.traffic.cut()
    await asyncio.sleep(CUT_S)
    day.traffic.restore()
    since_s = time.monotonic()
    back_ms, in_sync_ms = await asyncio.gather(day.find_back_ms(since_s), day.find_in_sync_ms(since_s))
    await asyncio.sleep(day.scale.fault_s)
    return {"back_ms": back_ms, "in_sync_ms": in_sync_ms}


async def cut_database(day: Day) -> dict[str, float]:
    network = day.ours.database_network
    assert network is not None
    network.cut()
    await asyncio.sleep(CUT_S)
    network.restore()
    back_ms = await day.find_back_ms(time.monotonic())
    await asyncio.sleep(day.scale.fault_s)
    return {"back_ms": back_ms}


async def reconnect(day: Day) -> dict[str, float]:
    refused = day.traffic.refused
    day.traffic.drop()
    in_sync_ms = await day.find_in_sync_ms(time.monotonic())
    await asyncio.sleep(day.scale.fault_s)
    return {"in_sync_ms": in_sync_ms, "refused_sends": day.traffic.refused - refused}


async def flood(day: Day) -> dict[str, float]:
    """Ten times what the server takes, from ordinary accounts to many rooms, beside conversations; the capacity is capped so that this machine can."""
    traffic, scale = day.traffic, day.scale
    flooders = await traffic.register("f", scale.flooders)
    rooms = [await flooders[number % len(flooders)].create_room("letters") for number in range(scale.flood_rooms)]
    for room_id in rooms:
        await asyncio.gather(*(flooder.join(room_id) for flooder in flooders))
    usual_rate = traffic.rate_per_s
    traffic.rate_per_s, traffic.pairs_only = scale.capacity_per_s * LIVE_SHARE, True
    traffic.followers.tell("pause")
    await asyncio.sleep(scale.crowd_leaves_s)
    day.ours.write_config(scale.capacity_per_s)
    await day.ours.reload()
    try:
        # A new worker knows of no conversation yet: everybody writes twice before the control begins.
        await asyncio.sleep(2 * len(traffic.pairs) / traffic.rate_per_s + 1)
        control = Window("control", time.monotonic(), time.monotonic() + scale.flood_s)
        await asyncio.sleep(scale.flood_s)
        refused, began_s = traffic.refused, time.monotonic()
        came = await run_flood(day.ours.own_base, flooders, rooms, scale)
        window = Window("flood", began_s, time.monotonic())
        await asyncio.sleep(1.0)
        refused = traffic.refused - refused
    finally:
        day.ours.write_config()
        await day.ours.reload()
        # Only now, or this would be a flood too.
        traffic.rate_per_s, traffic.pairs_only = usual_rate, False
        traffic.followers.tell("resume")
    write_down(day.ledger, came)
    traffic.unread |= dict.fromkeys(rooms, flooders[0])
    outcomes = came.outcomes
    before_ms, during_ms = find_p99_ms(day.ledger, control), find_p99_ms(day.ledger, window)
    day.notes["flood"] = ", ".join(f"{outcome}: {count}" for outcome, count in sorted(outcomes.items()))
    return {
        "p99_control_ms": before_ms,
        "p99_flood_ms": during_ms,
        "p99_over_control_ms": max(0.0, during_ms - before_ms),
        "refused_sends": refused,
        "flood_sent": sum(outcomes.values()),
        "flood_refused": outcomes.get("429", 0),
        "flood_refused_without_retry_after": outcomes.get("429 without a true Retry-After", 0),
    }


def write_down(ledger: Ledger, came: Came) -> None:
    """The copies that were acknowledged; they have to be there at the end like everything else."""
    for room_id, event_id, body, sent_s, acked_s in came.acknowledged:
        message = ledger.intend("the flood", room_id, sent_s, is_live=False)
        message.event_id, message.body, message.acked_s = event_id, body, acked_s


def find_p99_ms(ledger: Ledger, window: Window) -> float:
    latencies = [
        each.latency_s * 1000
        for each in ledger.messages
        if each.is_live and window.covers(each.due_s) and each.latency_s is not None
    ]
    return find_percentile(latencies, 0.99) or 0.0


async def run_flood(base: str, flooders: list[Person], rooms: list[str], scale: Scale) -> Came:
    order = {
        "base": base,
        "tokens": [each.token for each in flooders],
        "rooms": rooms,
        "rate_per_s": scale.capacity_per_s * FLOOD_FACTOR,
        "seconds": scale.flood_s,
        "seed": 1,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "zajil.drill.flood"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=build_environment(),
    )
    output, _ = await asyncio.wait_for(
        process.communicate(json.dumps(order).encode() + b"\n"), scale.flood_s + FLOOD_PROCESS_S_MAX
    )
    if process.returncode != 0:
        raise DrillError("the flood could not be made")
    found = json.loads(output)
    return Came(Counter(found["outcomes"]), found["acknowledged"])


async def disk_full(day: Day) -> dict[str, float]:
    """No file of the server may grow. Reading has to go on meanwhile."""
    day.ours.fill_disk()
    failed_reads = reads = 0
    until_s = time.monotonic() + day.scale.fault_s
    person, room_id = day.traffic.places[0]
    while time.monotonic() < until_s:
        reads += 1
        try:
            await person.page(room_id, None, "b")
        except (*GONE, Refused):
            failed_reads += 1
        await asyncio.sleep(0.05)
    day.ours.empty_disk()
    back_ms = await day.find_back_ms(time.monotonic())
    await asyncio.sleep(day.scale.fault_s)
    return {"back_ms": back_ms, "failed_reads": failed_reads, "reads": reads}


async def clock_jump(day: Day) -> dict[str, float]:
    """The machine's clock is an hour ahead for a moment. No message of that moment or of the way back may say so, in whatever room."""
    began_s = time.monotonic()
    day.ours.shift_clock(CLOCK_JUMP_S)
    await asyncio.sleep(day.scale.fault_s)
    day.ours.shift_clock(0)
    await asyncio.sleep(day.scale.fault_s)
    sent = [each for each in day.ledger.messages if each.due_s >= began_s]
    return {"failures": sum(each.failures for each in sent), "time_off_ms": await find_time_off_ms(day.traffic, sent)}


async def find_time_off_ms(traffic: Traffic, messages: list[Message]) -> float:
    """By how much a message is at most dated before it was due or after it was acknowledged."""
    by_room: defaultdict[str, dict[str, Message]] = defaultdict(dict)
    for message in messages:
        if message.event_id is not None:
            by_room[message.room_id][message.event_id] = message
    off_ms = 0.0
    for room_id, sent in by_room.items():
        for event_id, date_ms in (await traffic.load_dates(room_id, set(sent))).items():
            message = sent[event_id]
            date_s = date_ms / 1000 - (time.time() - time.monotonic())
            assert message.acked_s is not None
            off_ms = max(off_ms, (message.due_s - date_s) * 1000, (date_s - message.acked_s) * 1000)
    return off_ms


DOING: Final[dict[str, Callable[[Day], Awaitable[dict[str, float]]]]] = {
    "upgrade": upgrade,
    "kill": kill,
    "cut-clients": cut_clients,
    "cut-database": cut_database,
    "reconnect": reconnect,
    "flood": flood,
    "disk-full": disk_full,
    "clock-jump": clock_jump,
}
assert set(DOING) == {fault.name for fault in FAULTS}
