"""`/metrics`: what it counts, in Prometheus' own form, and for whom."""

import json
import re
import subprocess
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from tests.client import Answer, Client, q, running_server
from tests.main.test_serve import wait_for
from tests.postgres_server import shared_postgres
from tests.servers import ROOT, build_environment, build_zajil, build_zajil_command, find_place

from zajil.http.metrics_exchange import merge_texts
from zajil.services.errors import limit_exceeded

V3 = "/_matrix/client/v3"
TOKEN = "a token for prometheus"


def read(answer: Answer) -> dict[tuple[str, str], float]:
    """Samples by name and labels."""
    assert answer.status == 200
    return {
        (sample.name, ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.raw.decode())
        for sample in family.samples
    }


async def test_it_counts_what_happens(tmp_path: Path) -> None:
    async with running_server(tmp_path, metrics_token=TOKEN) as server:
        anna = await server.register("anna")
        room_id = (await anna.post(f"{V3}/createRoom", {})).ok()["room_id"]
        for number in range(3):
            path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{number}"
            (await anna.put(path, {"msgtype": "m.text", "body": "hello"})).ok()
        await anna.get("/nowhere")
        prometheus = Client(server, access_token=TOKEN)
        found = read(await prometheus.get("/metrics"))
        send = "method=PUT,route=/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{txn_id}"
        assert found["zajil_request_seconds_count", send] == 3
        assert found["zajil_request_seconds_bucket", f"le=+Inf,{send}"] == 3
        assert found["zajil_request_seconds_sum", send] > 0
        assert found["zajil_responses_total", "status=404"] == 1
        assert found["zajil_commit_items_count", ""] >= 3
        assert found["zajil_commit_seconds_sum", ""] > 0
        assert found["zajil_cached_sessions", ""] >= 1
        assert found["zajil_cached_rooms", ""] == 1
        assert found["zajil_log_position", ""] > 3
        text = (await prometheus.get("/metrics")).raw.decode()
        assert "anna" not in text
        assert room_id not in text


async def test_limits_are_counted_by_name(tmp_path: Path) -> None:
    async with running_server(tmp_path, metrics_token=TOKEN) as server:
        anna = await server.register("anna")

        def refuse(name: str, *_: object) -> None:
            if name == "create_room":
                raise limit_exceeded(500)

        server.app.rate_limits.check = refuse  # type: ignore[method-assign]
        assert (await anna.post(f"{V3}/createRoom", {})).status == 429
        found = read(await Client(server, access_token=TOKEN).get("/metrics"))
        assert found["zajil_limits_hit_total", "limit=create_room"] == 1


async def test_messages_to_new_chats_and_invitations_that_were_refused_are_counted(tmp_path: Path) -> None:
    async with running_server(tmp_path, metrics_token=TOKEN) as server:
        anna = await server.register("anna")
        prometheus = Client(server, access_token=TOKEN)
        found = read(await prometheus.get("/metrics"))
        assert found["zajil_new_rooms_refused_total", ""] == found["zajil_invitations_refused_total", ""] == 0
        rooms = [(await anna.post(f"{V3}/createRoom", {})).ok()["room_id"] for _ in range(12)]
        server.app.new_rooms._is_on = server.app.invitations._is_on = True
        refused = 0
        for room_id in rooms:
            path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/1"
            refused += (await anna.put(path, {"msgtype": "m.text", "body": "hello"})).status == 429
        invites = [f"@guest{number}:localhost" for number in range(60)]
        await anna.post(f"{V3}/createRoom", {"invite": invites})
        assert (await anna.post(f"{V3}/createRoom", {"invite": invites})).status == 429
        found = read(await prometheus.get("/metrics"))
        assert found["zajil_new_rooms_refused_total", ""] == refused > 0
        assert found["zajil_invitations_refused_total", ""] == 1


def test_texts_of_several_workers_become_one() -> None:
    head = "# HELP zajil_responses_total Answers.\n# TYPE zajil_responses_total counter\n"
    one = head + 'zajil_responses_total{status="200",worker="0"} 3.0\nzajil_responses_total{status="404",worker="0"} 1.0\n'
    other = head + 'zajil_responses_total{status="200",worker="2"} 4.0\n# HELP zajil_extra Only there.\n# TYPE zajil_extra gauge\nzajil_extra{worker="2"} 1.0\n'
    merged = merge_texts({0: one.encode(), 1: b"", 2: other.encode()}).decode()
    assert merged.count("# TYPE zajil_responses_total") == 1
    found = read(Answer(200, {}, merged.encode()))
    assert found["zajil_responses_total", "status=200,worker=0"] == 3
    assert found["zajil_responses_total", "status=200,worker=2"] == 4
    assert found["zajil_extra", "worker=2"] == 1
    assert [found["zajil_worker_up", f"worker={number}"] for number in range(3)] == [1, 0, 1]


def test_whichever_worker_answers_tells_the_numbers_of_all(tmp_path: Path) -> None:
    database = shared_postgres().make_database()
    server = build_zajil(tmp_path, database=database, workers="2", metrics_token=TOKEN).start()

    def scrape() -> dict[tuple[str, str], float]:
        request = urllib.request.Request(f"{server.base}/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return read(Answer(answer.status, {}, answer.read()))

    def are_both_up() -> bool:
        found = scrape()
        return all(found["zajil_worker_up", f"worker={number}"] for number in (0, 1))

    try:
        wait_for(are_both_up, "both workers")
        for _ in range(20):  # whoever of them is asked
            found = scrape()
            assert {worker for name, worker in found if name == "zajil_process_start_seconds"} == {"worker=0", "worker=1"}
        began = [found["zajil_process_start_seconds", f"worker={number}"] for number in (0, 1)]
        told = subprocess.run(
            build_zajil_command("reload", *find_place(server)),
            env=build_environment(server.env),
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert told.returncode == 0, told.stderr
        wait_for(are_both_up, "both new workers")
        found = scrape()
        assert all(found["zajil_process_start_seconds", f"worker={number}"] > began[number] for number in (0, 1))
    finally:
        server.stop()


async def test_it_is_not_public(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        for client in (Client(server), anna, Client(server, access_token=TOKEN), Client(server, access_token="x")):
            assert (await client.get("/metrics")).status in (401, 403)
        admin = await server.register_admin()
        assert (await admin.get("/metrics")).status == 200


async def test_the_dashboard_asks_for_what_there_is(tmp_path: Path) -> None:
    async with running_server(tmp_path, metrics_token=TOKEN) as server:
        await server.register("anna")
        answer = await Client(server, access_token=TOKEN).get("/metrics")
        known = {sample.name for each in text_string_to_metric_families(answer.raw.decode()) for sample in each.samples}
        known |= {"zajil_limits_hit_total"}  # none was hit yet
        known |= {"zajil_federation_queue_length", "zajil_federation_destination_failures"}  # for nobody anything waits
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "zajil.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"zajil_\w+", target["expr"])
    }
    assert asked <= known
    assert len(asked) > 12
