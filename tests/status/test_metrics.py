"""`/metrics`: what it counts, in Prometheus' own form, and for whom."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from tests.client import Answer, Client, q, running_server
from tests.servers import ROOT

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
        assert 0 < found["zajil_request_seconds_sum", send] < 5
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
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "zajil.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"zajil_\w+", target["expr"])
    }
    assert asked <= known
    assert len(asked) > 12
