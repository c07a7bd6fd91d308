"""Two nodes on one PostgreSQL send to other servers: each server hears of one of them at a time, in order, and of the other when that one is killed."""

import asyncio
from collections import Counter
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from tests.conversations.nodes import register_pair, run_two_nodes
from tests.federation.listening_server import ListeningServer
from tests.federation.peers import make_authority
from tests.servers import Server

SERVERS = 3
ROUNDS = 15
ANSWER_S = 0.05


@pytest.mark.parametrize(("with_bus", "number_killed"), [(False, 0), (True, 1)])
async def test_one_node_at_a_time_sends_to_a_server_and_nothing_is_lost_when_it_is_killed(
    tmp_path: Path, with_bus: bool, number_killed: int
) -> None:
    authority = make_authority(tmp_path / "authority")
    listeners = [ListeningServer(authority, lambda: asyncio.sleep(ANSWER_S)) for _ in range(SERVERS)]
    for each in listeners:
        await each.start()
    options = {"federation_ca": str(authority.ca), "federation_networks": "127.0.0.0/8"}
    with run_two_nodes(tmp_path, with_bus=with_bus, **options) as nodes:
        async with aiohttp.ClientSession() as connections:
            anna, badr = await register_pair(nodes, connections, "sender")
            room_id = await anna.create_room(preset="public_chat", room_version="11")
            await badr.join(room_id)
            for number, each in enumerate(listeners):
                await each.join(nodes[number % 2].base, "localhost", room_id, "11")
            sent = []
            for number in range(ROUNDS):
                for person in (anna, badr):
                    sent.append(f"{person.user_id} {number}")
                    await person.send_text(room_id, sent[-1])
            for each in listeners:
                await each.wait_for(len(sent))
                assert not find_doubled(each)
            before = await find_owners(nodes[0])
            assert before.keys() == {each.name for each in listeners}
            # One is killed while it has work; people on the other one go on.
            killed, person = nodes[number_killed], (badr, anna)[number_killed]
            for number in range(ROUNDS, 2 * ROUNDS):
                sent.append(f"{person.user_id} {number}")
                await person.send_text(room_id, sent[-1])
                if number == ROUNDS + 3:
                    killed.kill()
            for each in listeners:
                await each.wait_for(len(sent))
            after = await find_owners(nodes[1 - number_killed])
            assert len(set(after.values())) <= 1
        for each in listeners:
            texts = list(dict.fromkeys(each.texts()))
            assert set(texts) == set(sent)
            for person in (anna, badr):
                of_person = [text for text in texts if text.startswith(person.user_id)]
                assert of_person == [text for text in sent if text.startswith(person.user_id)]
            assert each.most_at_once == 1
            # What was on its way when the node was killed may come again, and is placed once by its ID.
            assert len({frozenset(txn_ids) for txn_ids in find_doubled(each).values()}) <= 1
    for each in listeners:
        await each.stop()


async def find_owners(node: Server) -> dict[str, str]:
    """Which process sends to which server, as the database says."""
    connection = await asyncpg.connect(node.command[node.command.index("--database") + 1])
    try:
        return dict(await connection.fetch("SELECT server_name, instance FROM federation_turns"))
    finally:
        await connection.close()


def find_doubled(server: ListeningServer) -> dict[str, list[str]]:
    """Messages that came more than once, and in which transactions."""
    counts = Counter(server.texts())
    return {
        text: [each.txn_id for each in server.arrivals if each.event["content"].get("body") == text]
        for text, count in counts.items()
        if count > 1
    }
