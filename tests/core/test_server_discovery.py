"""Where a server name leads, step by step of the spec."""

import pytest

from zajil.core.server_discovery import (
    ServerName,
    Target,
    compute_well_known_s,
    find_default_target,
    find_direct_target,
    find_srv_target,
    order_srv,
    parse_server_name,
    parse_well_known,
)

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example.org", ServerName("example.org", None, is_address=False)),
        ("example.org:80", ServerName("example.org", 80, is_address=False)),
        ("1.2.3.4", ServerName("1.2.3.4", None, is_address=True)),
        ("1.2.3.4:5", ServerName("1.2.3.4", 5, is_address=True)),
        ("[::1]", ServerName("::1", None, is_address=True)),
        ("[2001:db8::1]:443", ServerName("2001:db8::1", 443, is_address=True)),
        ("example.org:0", None),
        ("example.org:65536", None),
        ("example.org:99999", None),
        ("[::1]:0", None),
        ("exa mple.org", None),
        ("", None),
    ],
)
def test_names_fall_into_host_and_port(text: str, expected: ServerName | None) -> None:
    assert parse_server_name(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1.2.3.4", Target("1.2.3.4", 8448, "1.2.3.4", "1.2.3.4")),  # step 1
        ("1.2.3.4:99", Target("1.2.3.4", 99, "1.2.3.4:99", "1.2.3.4")),
        ("[::1]:99", Target("::1", 99, "[::1]:99", "::1")),
        ("example.org:99", Target("example.org", 99, "example.org:99", "example.org")),  # step 2
        ("example.org", None),  # 3 to 6 ask the network
    ],
)
def test_addresses_and_ports_need_no_question(name: str, expected: Target | None) -> None:
    assert find_direct_target(name) == expected


def test_records_are_connected_to_and_the_name_is_asked_for() -> None:
    assert find_srv_target("example.org", "matrix.example.net", 1234) == Target(
        "matrix.example.net", 1234, "example.org", "example.org"
    )
    assert find_default_target("example.org") == Target("example.org", 8448, "example.org", "example.org")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"m.server": "matrix.example.org:443"}, "matrix.example.org:443"),
        ({"m.server": "matrix.example.org"}, "matrix.example.org"),
        ({"m.server": "https://matrix.example.org"}, None),
        ({"m.server": "matrix.example.org:123456"}, None),
        ({"m.server": 5}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_only_a_server_name_is_delegated_to(document: object, expected: str | None) -> None:
    assert parse_well_known(document) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, DAY_S),
        ({"cache-control": "public, max-age=7200"}, 7200.0),
        ({"cache-control": "max-age=99999999"}, 2 * DAY_S),
        ({"cache-control": "max-age=0"}, 300.0),
        ({"cache-control": "no-store"}, 300.0),
        ({"cache-control": "max-age=x"}, DAY_S),
        ({"expires": "Thu, 01 Jan 1970 02:00:00 GMT"}, 7200.0),
        ({"expires": "yesterday"}, 300.0),
        ({"cache-control": "max-age=600", "expires": "Thu, 01 Jan 1970 02:00:00 GMT"}, 600.0),
    ],
)
def test_documents_are_remembered_within_bounds(headers: dict[str, str], expected: float) -> None:
    assert compute_well_known_s(headers, 0) == expected


def test_records_are_tried_by_priority_and_weight() -> None:
    records = [(20, 1, "late.", 1), (10, 0, "never", 2), (10, 90, "often.", 3)]
    assert order_srv(records, [50, 0, 0]) == [("often", 3), ("never", 2), ("late", 1)]
    assert order_srv(records, [0, 0, 0]) == [("never", 2), ("often", 3), ("late", 1)]
    assert order_srv([(0, 0, ".", 1)], [0]) == []
