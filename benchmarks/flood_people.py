"""A server's data with people who have had their accounts for a month: in conversations of two, and in groups. Made without HTTP, in this process."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from zajil.main.composition import build_services
from zajil.ports.configuration import Config
from zajil.ports.database import Transaction
from zajil.ports.stores.accounts import Account
from zajil.services.accounts.register_account import store_new_account
from zajil.services.accounts.start_session import DeviceRequest, start_session
from zajil.services.app import App
from zajil.services.requester import Requester
from zajil.services.rooms.build_room import RoomRequest
from zajil.services.rooms.create_room import create_room
from zajil.services.rooms.join_room import join_room

MONTH_MS = 30 * 86_400_000
GROUP_MEMBERS = 40
GROUPS_PER_PERSON = 8
AT_ONCE = 64


@dataclass
class Person:
    """An account, the groups it is in, and the conversation it has with one other."""

    user_id: str
    token: str
    direct: str
    groups: list[str]


@dataclass
class People:
    """Everybody. Neighbours in a list are the two of a conversation."""

    live: list[Person]
    chain: list[Person]

    def store(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> People:
        known = json.loads(file.read_text())
        return cls([Person(**each) for each in known["live"]], [Person(**each) for each in known["chain"]])


def prepare(folder: Path, *, live: int, chain: int) -> People:
    """The people of a former run in this folder, or new ones. Their server's data is in `folder/data`."""
    known = folder / f"people-{live}-{chain}.json"
    if known.exists():
        return People.load(known)
    shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    people = asyncio.run(make_people(Config(data=folder / "data", rate_limits=False, status=False), live, chain))
    people.store(known)
    return people


async def make_people(config: Config, live: int, chain: int) -> People:
    app = build_services(config)
    app.db.start()
    try:
        people = People(
            [await make_person(app, f"live{number}") for number in range(live)],
            [await make_person(app, f"chain{number}") for number in range(chain)],
        )
        for some in (people.live, people.chain):
            await in_parallel([make_direct(app, one, other) for one, other in zip(some[::2], some[1::2], strict=True)])
        chance = random.Random(1)
        groups: list[list[Person]] = []
        for _ in range(GROUPS_PER_PERSON):
            mixed = chance.sample(people.chain, len(people.chain))
            groups += [mixed[at : at + GROUP_MEMBERS] for at in range(0, len(mixed), GROUP_MEMBERS)]
        await in_parallel([make_group(app, members) for members in groups])
        return people
    finally:
        await app.db.close()


async def in_parallel(all_work: list) -> None:  # type: ignore[type-arg]
    for at in range(0, len(all_work), AT_ONCE):
        await asyncio.gather(*all_work[at : at + AT_ONCE])


async def make_person(app: App, name: str) -> Person:
    user_id = f"@{name}:{app.server_name}"

    async def item(tx: Transaction) -> str:
        await store_new_account(tx, app, Account(user_id, app.clock.now_ms() - MONTH_MS))
        session = await start_session(tx, app, user_id, DeviceRequest("FLOODDEVIC", None, can_refresh=False))
        return str(session["access_token"])

    return Person(user_id, await app.db.write(item), "", [])


def build_requester(person: Person) -> Requester:
    return Requester(person.user_id, "FLOODDEVIC", 0)


async def make_room(app: App, members: list[Person]) -> str:
    room_id = await create_room(app, build_requester(members[0]), RoomRequest("12", preset="public_chat"))
    for member in members[1:]:
        await join_room(app, build_requester(member), room_id, {})
    return room_id


async def make_direct(app: App, one: Person, other: Person) -> None:
    one.direct = other.direct = await make_room(app, [one, other])


async def make_group(app: App, members: list[Person]) -> None:
    room_id = await make_room(app, members)
    for member in members:
        member.groups.append(room_id)
