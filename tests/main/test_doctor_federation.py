"""Whether other servers find this one, as `zajil doctor` sees it: asked over TLS, by the server's name."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.federation.peers import TlsServer, make_authority
from tests.servers import build_zajil, find_free_port

from zajil.core.server_discovery import parse_server_name
from zajil.main.doctor import check_federation
from zajil.main.doctor_federation import build_advice, find_own_problem, is_expected
from zajil.main.system import SystemRandomness, load_signing_keys
from zajil.ports.configuration import Config

HOSTS = {"zajil.test": ["127.0.0.1"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    folder: Path = tmp_path_factory.mktemp("server")
    authority = make_authority(folder / "authority")
    port = find_free_port()
    built = build_zajil(
        folder / "zajil",
        port=port,
        server_name=f"zajil.test:{port}",
        tls_certificate=str(authority.certificate),
        tls_key=str(authority.key),
    )
    context = ssl.create_default_context(cafile=str(authority.ca))
    running = TlsServer(built.name, built.command, port, built.data, built.log, built.env, context=context)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def config(server: TlsServer) -> Config:
    # The certificate is for localhost.
    return Config(data=server.data, server_name=f"zajil.test:{server.port}", federation_unverified=("zajil.test:*",))


def test_a_server_that_answers_by_its_name_is_found(config: Config) -> None:
    assert find_own_problem(config, HOSTS) is None


def test_a_name_that_leads_nowhere(config: Config) -> None:
    is_certain, text = find_own_problem(config, {"elsewhere.test": ["127.0.0.1"]}) or (None, "")
    assert is_certain is False
    assert "cannot find this one" in text
    assert f"let port {config.server_name.partition(':')[2]} of zajil.test lead here" in text


def test_a_certificate_for_another_name(config: Config) -> None:
    is_certain, text = find_own_problem(replace(config, federation_unverified=()), HOSTS) or (None, "")
    assert is_certain is False
    assert "certificate" in text


def test_another_server_in_ones_place(config: Config, tmp_path: Path) -> None:
    load_signing_keys(tmp_path, SystemRandomness())  # makes one
    is_certain, text = find_own_problem(replace(config, data=tmp_path), HOSTS) or (None, "")
    assert is_certain is True
    assert "has another signing key" in text
    other = replace(
        config, server_name=f"other.test:{config.server_name.partition(':')[2]}", federation_unverified=("*",)
    )
    is_certain, text = find_own_problem(other, {"other.test": ["127.0.0.1"]}) or (None, "")
    assert is_certain is True
    assert "names another server" in text


@pytest.mark.parametrize("name", ["localhost", "localhost:8008", "127.0.0.1:8448", "[::1]:8448"])
def test_nobody_looks_for_this_machine_only(name: str) -> None:
    assert list(check_federation(Config(server_name=name))) == []


def test_nobody_looks_for_a_server_that_does_not_federate() -> None:
    assert is_expected(Config(server_name="example.org"))
    assert list(check_federation(Config(server_name="example.org", federation=False))) == []


def test_the_advice_names_both_ways() -> None:
    parts = parse_server_name("example.org")
    assert parts is not None
    told = build_advice(Config(server_name="example.org", public_base_url="https://chat.example.org"), parts)
    assert 'https://example.org/.well-known/matrix/server answer {"m.server": "chat.example.org:443"}' in told
    assert "port 8448 of example.org" in told
