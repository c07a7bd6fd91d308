"""Signed requests between servers: what is signed, and every form of the header that others send."""

import pytest

from zajil.core.canonical_json import encode_canonical
from zajil.core.request_signing import RequestSignature, build_request_header, parse_request_signature, verify_request
from zajil.core.signing import SigningKey

KEY = SigningKey(b"k" * 32, "ed25519:a_1")
OTHER_KEY = SigningKey(b"o" * 32, "ed25519:a_1")
URI = "/_matrix/federation/v1/send/1?a=b%2Fc"
CONTENT = {"pdus": [], "origin": "one.example"}


def encode(content: dict | None) -> bytes | None:
    return None if content is None else encode_canonical(content)


def sign(content: dict | None = CONTENT) -> RequestSignature:
    header = build_request_header("PUT", URI, "one.example", "two.example:8448", content, KEY)
    signature = parse_request_signature(header)
    assert signature is not None
    return signature


@pytest.mark.parametrize("content", [CONTENT, None, {}])
def test_what_was_signed_is_accepted(content: dict | None) -> None:
    assert verify_request(sign(content), "PUT", URI, "two.example:8448", encode(content), KEY.public_key)


@pytest.mark.parametrize(
    ("method", "uri", "content"),
    [
        ("GET", URI, CONTENT),
        ("PUT", URI + "&more=1", CONTENT),
        ("PUT", URI.replace("%2F", "/"), CONTENT),
        ("PUT", URI, {**CONTENT, "pdus": [1]}),
        ("PUT", URI, None),
    ],
)
def test_anything_else_is_not(method: str, uri: str, content: dict | None) -> None:
    assert not verify_request(sign(), method, uri, "two.example:8448", encode(content), KEY.public_key)


def test_another_key_of_the_same_name_is_not_accepted() -> None:
    assert not verify_request(sign(), "PUT", URI, "two.example:8448", encode(CONTENT), OTHER_KEY.public_key)


def test_without_a_destination_the_signature_covers_the_receiver() -> None:
    header = build_request_header("PUT", URI, "one.example", "two.example", CONTENT, KEY)
    signature = parse_request_signature(header.replace('destination="two.example",', ""))
    assert signature is not None
    assert signature.destination is None
    assert verify_request(signature, "PUT", URI, "two.example", encode(CONTENT), KEY.public_key)
    assert not verify_request(signature, "PUT", URI, "three.example", encode(CONTENT), KEY.public_key)


EXPECTED = RequestSignature("one.example:8448", "two.example", "ed25519:a", "abc+/")


@pytest.mark.parametrize(
    "header",
    [
        'X-Matrix origin="one.example:8448",destination="two.example",key="ed25519:a",sig="abc+/"',
        'x-matrix ORIGIN="one.example:8448" ,\tDestination="two.example", key="ed25519:a",sig="abc+/"',
        "X-Matrix origin=one.example:8448,destination=two.example,key=ed25519:a,sig=abc+/",
        'X-Matrix sig="abc+/",key="ed25519:\\a",origin="one.example:8448",destination="two.example",future="x"',
        'X-Matrix  origin="one.example:8448",,destination="two.example",key="ed25519:a",sig="abc+/"',
    ],
)
def test_every_form_of_the_header_is_read(header: str) -> None:
    assert parse_request_signature(header) == EXPECTED


@pytest.mark.parametrize(
    "header",
    [
        "",
        "X-Matrix",
        "Bearer abc",
        'X-Matrix origin="one.example"',
        'X-Matrix origin="one.example",key="rsa:a",sig="abc"',
        'X-Matrix origin="not a name",key="ed25519:a",sig="abc"',
        'X-Matrix origin="one.example",origin="two.example",key="ed25519:a",sig="abc"',
        'X-Matrix origin="one.example",destination="no name",key="ed25519:a",sig="abc"',
        'X-Matrix origin="one.example" key="ed25519:a" sig="abc"',
        'X-Matrix origin="one.example,key="ed25519:a",sig="abc"',
        "X-Matrix " + "a" * 3000,
        'X-Matrix origin="one.example",key="ed25519:a",sig="' + "\\" * 1500,
    ],
)
def test_what_is_no_signature_is_none(header: str) -> None:
    assert parse_request_signature(header) is None
