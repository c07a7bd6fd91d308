"""What it takes to join a big room on Synapse from another server: `python -m benchmarks.federated_join --members 10000`.

The room is made on a Zajil, whose guests join it at a few hundred a second, and Synapse joins that: now it has the whole room, as it would have one
of its own. Then a second Zajil and a second Synapse join through it, one after the other, over TLS on loopback. With `--keep FOLDER` the prepared
servers stay and are used again. With `--through zajil` there is no Synapse between, for sizes at which it takes too long to prepare.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
from benchmarks.big_room import fill_room
from tests.conversations.account import Account
from tests.federation.peers import (
    Authority,
    Person,
    Refusal,
    TlsServer,
    build_peer,
    build_synapse_peer,
    make_authority,
    register,
)

USABLE_S, COMPLETE_S = 5.0, 60.0
WAIT_S_MAX = 600.0
POLL_S = 0.02
BESIDE_PAUSE_S = 0.1
"""Between messages of somebody else: few enough that Synapse has time for the join."""


@dataclass
class Prepared:
    """A room on Synapse, made by a Zajil."""

    zajil_port: int = 0
    synapse_port: int = 0
    room_id: str = ""
    owner: tuple[str, str] = ("", "")


@dataclass
class Timings:
    """Of one join, in seconds since it was asked for."""

    name: str
    answered: float = 0.0
    sent: float = 0.0
    arrived: float = 0.0
    complete: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)
    beside_ms: list[float] = field(default_factory=list)
    """What messages of somebody else on the same server, in another room, took meanwhile."""


class Beside:
    """Somebody on the joining server who sends one message after the other into a room of their own."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._room_id = person.create_room()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.times_ms: list[float] = []

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(BESIDE_PAUSE_S):
            began = time.monotonic()
            self._person.send(self._room_id, "beside")
            self.times_ms.append((time.monotonic() - began) * 1000)


def prepare(folder: Path, authority: Authority, members: int, through: str) -> tuple[list[TlsServer], Prepared]:
    """The servers that have the room, running, the one to join through last. Ports are part of names, so they are kept."""
    file = folder / "prepared.json"
    made = Prepared(**json.loads(file.read_text())) if file.exists() else Prepared()
    origin = build_peer(folder / "origin", authority, port=made.zajil_port, guest_access="on")
    origin.start()
    if through == "zajil":
        made.room_id, made.owner = asyncio.run(_fill(origin, members))
        return [origin], made
    synapse = build_synapse_peer(folder / "resident", authority, port=made.synapse_port)
    synapse.start()
    if not made.room_id:
        made.zajil_port, made.synapse_port = origin.port, synapse.port
        made.room_id, _ = asyncio.run(_fill(origin, members))
        sara = register(synapse, "sara")
        began = time.monotonic()
        sara.join(made.room_id, origin.server_name)
        assert wait_for_members(sara, made.room_id, members, WAIT_S_MAX), synapse.log_tail()
        print(f"Synapse has the room after {time.monotonic() - began:.0f} s", flush=True)
        made.owner = sara.user_id, sara.token
        file.write_text(json.dumps(asdict(made)))
    return [origin, synapse], made


async def _fill(origin: TlsServer, members: int) -> tuple[str, tuple[str, str]]:
    """The room, and the user ID and token of its owner."""
    connector = aiohttp.TCPConnector(limit=32, ssl=origin.context)
    async with aiohttp.ClientSession(connector=connector) as connections:
        owner = await Account(origin.base, connections).register("owner")
        room_id = await fill_room(origin.base, connections, owner, members)
        return room_id, (owner.user_id, owner.token)


def wait_for_members(person: Person, room_id: str, members: int, wait_s: float) -> bool:
    """Until the server knows so many; False if that takes too long."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        try:
            found = person.call("GET", f"/rooms/{room_id}/members", membership="join")
            if len(found["chunk"]) >= members:
                return True
        except (Refusal, TimeoutError):
            pass
        time.sleep(POLL_S)
    return False


def measure(joiner: TlsServer, resident: TlsServer, made: Prepared, members: int, wait_s: float) -> Timings:
    user_id, token = made.owner
    sara = Person(resident, user_id, token)
    ali = register(joiner, "ali")
    timings = Timings(joiner.name)
    with Beside(register(joiner, "beside")) as beside:
        time.sleep(1)
        idle = read_peaks(joiner)
        beside.times_ms.clear()
        began = time.monotonic()
        ali.join(made.room_id, resident.server_name)
        timings.answered = time.monotonic() - began
        event_id = send_until_taken(ali, made.room_id)
        timings.sent = time.monotonic() - began
        wait_for_event(sara, made.room_id, event_id)
        timings.arrived = time.monotonic() - began
        is_complete = wait_for_members(ali, made.room_id, members, wait_s)
        timings.complete = time.monotonic() - began if is_complete else math.inf
    timings.memory = {"idle": idle, "peak": read_peaks(joiner)}
    timings.beside_ms = beside.times_ms
    return timings


def send_until_taken(person: Person, room_id: str) -> str:
    until = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            return person.send(room_id, "here I am")
        except Refusal:
            if time.monotonic() > until:
                raise
            time.sleep(POLL_S)


def wait_for_event(person: Person, room_id: str, event_id: str) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            person.call("GET", f"/rooms/{room_id}/event/{event_id}")
            return
        except Refusal:
            if time.monotonic() > until:
                raise
            time.sleep(POLL_S)


def read_peaks(server: TlsServer) -> int:
    """The greatest resident size so far of the server's largest process, in MiB."""
    peaks = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            group = int((status.parent / "stat").read_text().rpartition(")")[2].split()[2])
        except (OSError, ValueError, IndexError):
            continue
        if group == server.pid and "VmHWM" in lines:
            peaks.append(int(lines["VmHWM"].split()[0]) // 1024)
    return max(peaks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="where the prepared servers are, or are to stay")
    parser.add_argument("--wait", type=float, default=100.0, help="seconds after which a join counts as never complete")
    parser.add_argument("--only", choices=["zajil", "synapse"], help="measure only one of the two")
    parser.add_argument("--through", choices=["zajil", "synapse"], default="synapse", help="the resident server")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are stopped
    folder = given.keep or Path(tempfile.mkdtemp(prefix="zajil-federated-join-"))
    authority_folder = folder / "authority"
    authority = (
        Authority(*(authority_folder / name for name in ("ca.pem", "localhost.pem", "localhost.key")))
        if authority_folder.exists()
        else make_authority(authority_folder)
    )
    running: list[TlsServer] = []
    try:
        servers, made = prepare(folder, authority, given.members, given.through)
        running += servers
        resident = servers[-1]
        with tempfile.TemporaryDirectory(prefix="zajil-joiner-") as joiners:
            for build in (build_peer, build_synapse_peer):
                if given.only and (build is build_peer) != (given.only == "zajil"):
                    continue
                joiner = build(Path(joiners) / build.__name__, authority)
                running.append(joiner)
                joiner.start()
                report(measure(joiner, resident, made, given.members, given.wait))
                joiner.stop()
    finally:
        for server in running:
            server.stop()
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def report(timings: Timings) -> None:
    verdict = "pass" if timings.arrived <= USABLE_S and timings.complete <= COMPLETE_S else "FAIL"
    print(
        f"{timings.name:>8}: join answered after {timings.answered:.2f} s, a message taken after {timings.sent:.2f} s"
        f" and at the other server after {timings.arrived:.2f} s, all members known after {timings.complete:.2f} s;"
        f" others' messages meanwhile p50 {statistics.median(timings.beside_ms):.0f} ms, at most {max(timings.beside_ms):.0f} ms;"
        f" memory {timings.memory['idle']} MiB before, at most {timings.memory['peak']} MiB"
        f" (bars: usable ≤ {USABLE_S:.0f} s, complete ≤ {COMPLETE_S:.0f} s: {verdict})",
        flush=True,
    )


if __name__ == "__main__":
    main()
