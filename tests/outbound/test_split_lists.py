"""Large answers of other servers are taken apart without being parsed in one go."""

import msgspec
import orjson
import pytest

from zajil.federation.transport import split_lists


def test_objects_in_lists_stay_bytes_and_all_else_is_parsed() -> None:
    answer = {
        "state": [{"a": [1, {"b": "]}"}]}, {"c": "سلام"}],
        "servers": ["one.test", "two.test"],
        "event": {"x": [{}]},
        "flag": True,
        "none": [],
        "mixed": [1, {"y": 2}, None, [3]],
    }
    split = split_lists(orjson.dumps(answer, option=orjson.OPT_INDENT_2))
    assert [orjson.loads(each) for each in split["state"]] == answer["state"]
    assert all(isinstance(each, bytes) for each in split["state"])
    assert split["mixed"][:1] + split["mixed"][2:] == [1, None, [3]]
    assert {name: split[name] for name in ("servers", "event", "flag", "none")} == {
        name: answer[name] for name in ("servers", "event", "flag", "none")
    }


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"a": [1,}', b'{"a": [{]}', b'{"a": nul}', b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, orjson.JSONDecodeError, UnicodeDecodeError)):
        split_lists(body)


def test_endless_nesting_is_refused() -> None:
    with pytest.raises((msgspec.MsgspecError, RecursionError)):
        split_lists(b'{"a":' + b"[" * 1_000_000)
