"""The configuration: who wins, what is refused, what is shown."""

from pathlib import Path
from typing import Any

import pytest

from zajil.main.config_file import MASK, build_shown_value, load_config
from zajil.ports.configuration import MIB, Config, ConfigError, TermsDocument


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(
    toml: str = "", environment: dict[str, str] | None = None, arguments: dict[str, Any] | None = None
) -> dict[str, tuple[Any, str]]:
    if toml:
        Path("zajil.toml").write_text(toml, "utf-8")
    loaded = load_config(arguments, environment or {})
    return {name: (getattr(loaded.config, name), origin) for name, origin in loaded.origins.items()}


def test_safe_defaults() -> None:
    config = load_config({}, {}).config
    assert config == Config()
    assert config.registration == "token"
    assert config.rate_limits
    assert not config.guest_access
    assert not config.url_previews
    assert not config.push_allow_private_networks
    assert config.bind == ("127.0.0.1:8008",)


def test_precedence() -> None:
    toml = 'server_name = "toml.test"\nregistration = "open"\npresence = false\nlog_level = "debug"\n'
    environment = {"ZAJIL_SERVER_NAME": "env.test", "ZAJIL_REGISTRATION": "closed", "HOME": "/nowhere"}
    values = load(toml, environment, {"server_name": "cli.test"})
    assert values["server_name"] == ("cli.test", "--server-name")
    assert values["registration"] == ("closed", "ZAJIL_REGISTRATION")
    assert values["presence"] == (False, "zajil.toml")
    assert values["bind"] == (("127.0.0.1:8008",), "default")


def test_every_option_from_every_source() -> None:
    environment = {
        "ZAJIL_BIND": "127.0.0.1:1, [::1]:2",
        "ZAJIL_UPLOAD_SIZE_MAX": "3M",
        "ZAJIL_PRESENCE": "off",
        "ZAJIL_TLS_CERTIFICATE": "/c.pem",
        "ZAJIL_TLS_KEY": "/k.pem",
    }
    config = load_config({"bind": ["127.0.0.1:3"], "rate_limits": "off"}, environment).config
    assert config.addresses == (("127.0.0.1", 3),)
    assert not config.rate_limits
    config = load_config({}, environment).config
    assert config.addresses == (("127.0.0.1", 1), ("::1", 2))
    assert config.upload_size_max == 3 * MIB
    assert not config.presence
    assert config.tls_key == Path("/k.pem")


@pytest.mark.parametrize(
    ("toml", "environment", "arguments", "said"),
    [
        ('sever_name = "x"', {}, {}, "'server_name'"),
        ("", {"ZAJIL_REGISTRATON": "open"}, {}, "'ZAJIL_REGISTRATION'"),
        ("", {}, {"rate_limit": "on"}, "'rate_limits'"),
        ("[server]\nname='x'", {}, {}, "unknown"),
        ("presence = 1", {}, {}, "neither on nor off"),
        ("connections_max = true", {}, {}, "not a whole number"),
        ("connections_max = 1.0", {}, {}, "not a whole number"),
        ('connections_max = "1_000"', {}, {}, "not a whole number"),
        ("connections_max = 1", {}, {}, "too small"),
        ("connections_max = 99999999", {}, {}, "too large; the most is 1000000 (from zajil.toml)"),
        ('registration = "Open"', {}, {}, "open, token, closed"),
        ("", {"ZAJIL_BIND": "localhost"}, {}, "HOST:PORT"),
        ("", {"ZAJIL_BIND": "::1:80"}, {}, "HOST:PORT"),
        ("", {"ZAJIL_BIND": "a:65536"}, {}, "HOST:PORT"),
        ("bind = []", {}, {}, "at least one"),
        ("", {"ZAJIL_TLS_KEY": "/k"}, {}, "belong together"),
        ("", {}, {"database": "mysql://x"}, "postgresql://"),
        ("", {}, {"server_name": "a b"}, "host name"),
        ("", {}, {"server_name": "x" * 300}, "host name"),
        ("", {}, {"trusted_proxies": ["10.0.0.0/33"]}, "network"),
        ("", {}, {"public_base_url": "example.org"}, "https://"),
        ("", {}, {"terms": ["privacy 1.0 en"]}, "POLICY VERSION"),
        ("data = 3", {}, {}, "not a text"),
        ("data", {}, {}, "cannot be read"),
        ("", {"ZAJIL_CONFIG": "/nowhere.toml"}, {}, "no configuration file"),
    ],
)
def test_refused(toml: str, environment: dict[str, str], arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml, environment, arguments)
    assert said in str(caught.value)


def test_secrets_are_masked() -> None:
    assert build_shown_value("turn_secret", "hunter2") == MASK
    assert build_shown_value("turn_secret", "") == ""
    shown = build_shown_value("database", "postgresql://u:hunter2@db:5432/z?password=hunter2")
    assert "hunter2" not in shown
    assert "u:" in shown
    assert "@db:5432/z" in shown


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "http://localhost:8008"),
        ({"bind": ("0.0.0.0:80",), "server_name": "example.org:8448"}, "http://example.org"),
        ({"bind": ("[2001:db8::1]:8448",)}, "http://[2001:db8::1]:8448"),
        ({"bind": ("0.0.0.0:443",), "tls_certificate": Path("c"), "tls_key": Path("k")}, "https://localhost"),
        ({"public_base_url": "https://chat.example.org/"}, "https://chat.example.org"),
    ],
)
def test_base_url(options: dict[str, Any], url: str) -> None:
    assert Config(**options).base_url == url


def test_terms() -> None:
    config = Config(terms=("privacy_policy 1.0 ar https://example.org/p سياسة الخصوصية",))
    expected = TermsDocument("privacy_policy", "1.0", "ar", "https://example.org/p", "سياسة الخصوصية")
    assert config.terms_documents == (expected,)
