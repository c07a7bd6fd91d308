"""Every option of Zajil, declared once: name, type, default, bounds and help.

A field of `Config` is at the same time an option of `zajil serve` (`--public-base-url`), a key of `zajil.toml`
(`public_base_url`) and an environment variable (`ZAJIL_PUBLIC_BASE_URL`). Reading those is `config_file`'s work.
"""

import dataclasses
import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

Registration = Literal["open", "token", "closed"]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Appendices, "Server Name": DNS name, IPv4 address or bracketed IPv6 address, with an optional port.
SERVER_NAME_LENGTH_MAX = 230
SERVER_NAME = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,230})(?::[0-9]{1,5})?")


METRICS_TOKEN_CHARACTERS_LEAST = 16


class ConfigError(ValueError):
    """An option that is unknown or has a value it may not have; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class TermsDocument:
    """One language of one document that must be accepted at registration (`m.login.terms`)."""

    policy: str
    version: str
    language: str
    url: str
    name: str


def option(
    default: Any,
    group: str,
    text: str,
    *,
    lowest: float | None = None,
    highest: float | None = None,
    is_secret: bool = False,
    is_size: bool = False,
    metavar: str = "",
) -> Any:
    """Declare an option. `lowest` and `highest` are inclusive; a size may be written as 50M."""
    metadata = {
        "group": group,
        "help": text,
        "lowest": lowest,
        "highest": highest,
        "is_secret": is_secret,
        "is_size": is_size,
        "metavar": metavar,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration of a server. Immutable; a reload builds a new one."""

    data: Path = option(Path("data"), "Server", "Folder of the database, the media and the keys.")
    server_name: str = option(
        "localhost",
        "Server",
        "Name in user IDs (@anna:NAME). It can never be changed once accounts exist.",
        metavar="NAME",
    )
    bind: tuple[str, ...] = option(
        ("127.0.0.1:8008",), "Server", "Address to listen on; may be given several times.", metavar="HOST:PORT"
    )
    public_base_url: str = option(
        "", "Server", "URL under which clients reach the server, if it is not the bound address.", metavar="URL"
    )
    trusted_proxies: tuple[str, ...] = option(
        (),
        "Server",
        "Address or network of a reverse proxy whose X-Forwarded-For and X-Forwarded-Proto are believed; "
        "may be given several times.",
        metavar="NETWORK",
    )
    tls_certificate: Path | None = option(None, "Server", "PEM file with the certificate chain, to serve HTTPS.")
    tls_key: Path | None = option(None, "Server", "PEM file with the private key of the certificate.")
    admin_contact: str = option(
        "", "Server", "Matrix ID or e-mail address of the administrator, published to users.", metavar="ADDRESS"
    )
    support_page: str = option("", "Server", "Web page where users find help, published to users.", metavar="URL")

    database: str = option(
        "",
        "Database",
        "postgresql://user:password@host/name. Empty: SQLite in the data folder.",
        is_secret=True,
        metavar="URL",
    )
    database_pool_max: int = option(10, "Database", "Connections to PostgreSQL per worker.", lowest=2, highest=200)
    bus: str = option(
        "",
        "Database",
        "nats://host:4222, through which several workers on one PostgreSQL wake each other at once. "
        "Empty: they notice each other within 0.1 s.",
        is_secret=True,
        metavar="URL",
    )

    registration: Registration = option("token", "Accounts", "Who may make an account: open, token or closed.")
    guest_access: bool = option(False, "Accounts", "Let guests in without an account.")
    terms: tuple[str, ...] = option(
        (),
        "Accounts",
        "Document to accept at registration: 'POLICY VERSION LANGUAGE URL TITLE', for example "
        "'privacy_policy 1.0 en https://example.org/privacy Privacy policy'; may be given several times.",
        metavar="DOCUMENT",
    )
    registration_shared_secret: str = option(
        "",
        "Accounts",
        "Secret with which tools make accounts through /_synapse/admin/v1/register.",
        is_secret=True,
        metavar="SECRET",
    )
    access_token_lifetime_s: int = option(
        3600,
        "Accounts",
        "Seconds an access token lives when the client can refresh it.",
        lowest=30,
        highest=365 * 86400,
    )

    rate_limits: bool = option(True, "Limits", "Limit how fast one account or address may send requests.")
    rate_limits_exempt: tuple[str, ...] = option(
        (),
        "Limits",
        "User ID that may write to any number of new chats, and invite any number of people, at once: for accounts that "
        "announce things to everybody; may be given several times.",
        metavar="USER",
    )
    capacity_max: int = option(
        0, "Limits", "Requests that a worker begins in a second; 0 is as many as it can. For tests of overload.", lowest=0
    )
    workers: int = option(1, "Limits", "Worker processes. More than one needs PostgreSQL.", lowest=1, highest=64)
    worker_silence_s_max: int = option(
        10, "Limits", "Seconds without a sign of life after which a worker is replaced.", lowest=2, highest=300
    )
    worker_memory_max: int = option(
        0,
        "Limits",
        "Memory above which a worker is replaced, as by a reload; 0 is without limit.",
        lowest=0,
        is_size=True,
    )
    connections_max: int = option(
        10_000, "Limits", "Open connections per worker; further ones get 503, or the status page.", lowest=10, highest=1_000_000
    )
    sync_timeout_s_max: int = option(
        120, "Limits", "Longest time a /sync waits for something new.", lowest=1, highest=600
    )

    presence: bool = option(True, "Features", "Tell users who is online.")
    delivered_signal: bool = option(True, "Features", "Tell senders when a message reached a device of the recipient.")
    legacy_r0: bool = option(True, "Features", "Answer old clients under /_matrix/client/r0.")
    legacy_access_token_query: bool = option(True, "Features", "Accept the access token in the query of the URL.")
    synapse_admin_register: bool = option(
        True, "Features", "Offer /_synapse/admin/v1/register when a shared secret is set."
    )

    upload_size_max: int = option(
        50 * MIB, "Media", "Largest file a user may upload.", lowest=KIB, highest=16 * GIB, is_size=True
    )
    media_quota: int = option(
        5 * GIB, "Media", "Bytes one user may store in all; 0 is without limit.", lowest=0, is_size=True
    )
    remote_media_cache_days: int = option(
        30, "Media", "Days a file of another server is kept after its last use.", lowest=1, highest=3650
    )
    remote_media_cache_size: int = option(
        10 * GIB,
        "Media",
        "Bytes of other servers' files that are kept, those used last; 0 is without limit.",
        lowest=0,
        is_size=True,
    )
    url_previews: bool = option(False, "Media", "Fetch linked pages to show a preview. Linked sites see the server.")
    url_preview_allow: tuple[str, ...] = option(
        (), "Media", "Preview only these hosts (*.example.org); may be given several times.", metavar="HOST"
    )
    url_preview_deny: tuple[str, ...] = option(
        (), "Media", "Never preview these hosts; may be given several times.", metavar="HOST"
    )

    outbound_allow: tuple[str, ...] = option(
        (),
        "Media",
        "Private address or network that URL previews may fetch from, in a closed network; may be given several times.",
        metavar="NETWORK",
    )
    media_s3_bucket: str = option("", "Media", "Bucket for media on S3. Empty: the data folder.", metavar="NAME")
    media_s3_endpoint: str = option("", "Media", "URL of the S3 service, if it is not Amazon's.", metavar="URL")
    media_s3_region: str = option("us-east-1", "Media", "Region of the bucket.", metavar="NAME")
    media_s3_access_key: str = option("", "Media", "Access key of the bucket.", metavar="KEY")
    media_s3_secret_key: str = option("", "Media", "Secret key of the bucket.", is_secret=True, metavar="SECRET")
    media_s3_prefix: str = option("", "Media", "Folder inside of the bucket.", metavar="PATH")

    turn_uris: tuple[str, ...] = option(
        (), "Calls", "TURN server for calls (turn:host?transport=udp); may be given several times.", metavar="URI"
    )
    turn_secret: str = option("", "Calls", "Secret shared with the TURN server.", is_secret=True, metavar="SECRET")
    turn_user_lifetime_s: int = option(
        86400, "Calls", "Seconds the TURN credentials of a user are valid.", lowest=60, highest=30 * 86400
    )

    federation: bool = option(True, "Federation", "Talk with other Matrix servers.")
    federation_allow: tuple[str, ...] = option(
        (),
        "Federation",
        "Talk only with these servers (*.example.org), in a closed network; may be given several times.",
        metavar="SERVER",
    )
    federation_deny: tuple[str, ...] = option(
        (), "Federation", "Never talk with these servers (*.example.org); may be given several times.", metavar="SERVER"
    )
    federation_notaries: tuple[str, ...] = option(
        (),
        "Federation",
        "Server that is asked for the signing keys of servers that do not answer; may be given several times.",
        metavar="SERVER",
    )
    federation_networks: tuple[str, ...] = option(
        (),
        "Federation",
        "Private address or network in which other servers may be; may be given several times.",
        metavar="NETWORK",
    )
    federation_ca: Path | None = option(
        None, "Federation", "PEM file with further certificate authorities that vouch for other servers.", metavar="FILE"
    )
    federation_unverified: tuple[str, ...] = option(
        (),
        "Federation",
        "Server whose certificate is not checked. Only for tests: anybody on the way can read along; "
        "may be given several times.",
        metavar="SERVER",
    )

    federation_requests_per_s: int = option(
        50,
        "Federation",
        "Requests that one other server may make in a second, on average; ten times as many at once. "
        "Asking for a whole state counts as 10, joins and history as 3.",
        lowest=1,
        highest=100_000,
    )
    federation_events_per_s: int = option(
        1_000,
        "Federation",
        "Events that one other server may send in a second, on average; ten times as many at once.",
        lowest=1,
        highest=100_000,
    )
    federation_requests_at_once: int = option(
        10, "Federation", "Requests of one other server that are worked on at the same time.", lowest=2, highest=1_000
    )
    identity_servers: tuple[str, ...] = option(
        (),
        "Federation",
        "Identity server through which users may invite people by their e-mail address. It learns who invites whom; may be given several times.",
        metavar="SERVER",
    )

    push_allow_private_networks: bool = option(
        False, "Push", "Deliver pushes to private addresses too. Only for tests: it lets users reach inner servers."
    )
    web_push_subject: str = option(
        "", "Push", "Contact told to web push services: mailto:… or https://….", metavar="URL"
    )

    status: bool = option(
        True, "Status", "Watch the server from a process of its own, and tell at /status what works and what does not."
    )
    status_name: str = option("", "Status", "Name of the service on its status page. Empty: the server name.")
    status_canary_url: str = option(
        "",
        "Status",
        "URL through which the server tests itself, for example the public one, so that the proxy is tested too. "
        "Empty: the address it is bound to.",
        metavar="URL",
    )
    status_canary_interval_s: int = option(
        10, "Status", "Seconds between the messages that the server sends itself.", lowest=1, highest=600
    )
    status_pace_percent: int = option(
        100,
        "Status",
        "How long something must be wrong, or right again, before anybody is told, in percent of the usual time. "
        "Less is for tests.",
        lowest=5,
        highest=1000,
    )
    status_disk_reserve: int = option(
        512 * MIB, "Status", "With less space than this on the disk, an incident is opened.", lowest=0, is_size=True
    )
    status_copy: str = option(
        "",
        "Status",
        "Folder, or s3://BUCKET/PREFIX, for a copy of the status pages at every change, to be hosted elsewhere.",
        metavar="PLACE",
    )
    status_copy_s3_endpoint: str = option(
        "", "Status", "URL of the S3 service of status_copy, if it is not that of the media.", metavar="URL"
    )
    status_copy_s3_access_key: str = option(
        "", "Status", "Access key of that bucket, if it is not that of the media.", metavar="KEY"
    )
    status_copy_s3_secret_key: str = option(
        "", "Status", "Secret key of that bucket, if it is not that of the media.", is_secret=True, metavar="SECRET"
    )
    status_announce: tuple[str, ...] = option(
        (),
        "Status",
        "Where incidents are announced, as a URL of apprise (mastodons://…, twitter://…, tgram://…, mailtos://…, json://…); "
        "may be given several times.",
        is_secret=True,
        metavar="URL",
    )
    status_notices: bool = option(
        True, "Status", "Send users a server notice about outages of more than a minute, once, and one when it is over."
    )
    metrics_token: str = option(
        "",
        "Status",
        "Token with which Prometheus reads /metrics. Empty: only an administrator's access token opens it.",
        is_secret=True,
        metavar="TOKEN",
    )

    clock_shift_file: Path | None = option(
        None, "Limits", "File with the seconds by which the machine's clock is to seem wrong. For drills.", metavar="FILE"
    )

    log_level: LogLevel = option("info", "Log", "debug, info, warning or error.")
    log_format: LogFormat = option("text", "Log", "text for people, json for machines.")

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            check_bounds(each, getattr(self, each.name))
        check_together(self)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Bound addresses as (host, port)."""
        return tuple(parse_address(each) for each in self.bind)

    @property
    def is_tls(self) -> bool:
        return self.tls_certificate is not None

    @property
    def is_postgres(self) -> bool:
        return self.database.startswith(("postgresql://", "postgres://"))

    @property
    def database_folder(self) -> Path | None:
        """Where the database's files are; None: on another machine, perhaps."""
        return None if self.is_postgres else self.data

    @property
    def sqlite_path(self) -> Path:
        return self.data / "zajil.db"

    @property
    def media_path(self) -> Path:
        return self.data / "media"

    @property
    def base_url(self) -> str:
        """URL under which clients reach the server, without a slash at the end."""
        if self.public_base_url:
            return self.public_base_url.rstrip("/")
        host, port = self.addresses[0]
        return build_url(host, port, self.server_name, is_tls=self.is_tls)

    @property
    def trusted_networks(self) -> tuple[IpNetwork, ...]:
        return tuple(ipaddress.ip_network(each, strict=False) for each in self.trusted_proxies)

    @property
    def terms_documents(self) -> tuple[TermsDocument, ...]:
        return tuple(parse_terms(each) for each in self.terms)


def parse_address(text: str) -> tuple[str, int]:
    """Split HOST:PORT; IPv6 hosts stand in brackets. Port 0 takes a free one. Raises `ConfigError`."""
    host, separator, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        separator = ""
    if not (separator and host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ConfigError(f"bind: {text!r} is not HOST:PORT, for example 127.0.0.1:8008 or [::1]:8008")
    return host, int(port)


def build_url(host: str, port: int, server_name: str, *, is_tls: bool) -> str:
    """The URL a person on this machine can open for a bound address."""
    if is_loopback(host):
        shown = "localhost"
    elif host in ("0.0.0.0", "::"):  # noqa: S104  only compared, not bound
        shown = server_name.rsplit(":", 1)[0] if not server_name.endswith("]") else server_name
    else:
        shown = f"[{host}]" if ":" in host else host
    scheme, usual_port = ("https", 443) if is_tls else ("http", 80)
    return f"{scheme}://{shown}" if port == usual_port else f"{scheme}://{shown}:{port}"


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_terms(text: str) -> TermsDocument:
    parts = text.split(maxsplit=4)
    if len(parts) != 5 or not parts[3].startswith(("https://", "http://")):
        raise ConfigError(f"terms: {text!r} is not 'POLICY VERSION LANGUAGE URL TITLE'")
    return TermsDocument(*parts)


def check_bounds(each: "dataclasses.Field[Any]", value: object) -> None:
    """Raise `ConfigError` when a number is out of its bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        return
    lowest, highest = each.metadata["lowest"], each.metadata["highest"]
    if lowest is not None and value < lowest:
        raise ConfigError(f"{each.name}: {value} is too small; the least is {lowest}")
    if highest is not None and value > highest:
        raise ConfigError(f"{each.name}: {value} is too large; the most is {highest}")


def check_together(config: Config) -> None:
    """Raise `ConfigError` for a value, or a combination of values, that cannot work."""
    if len(config.server_name) > SERVER_NAME_LENGTH_MAX or not SERVER_NAME.fullmatch(config.server_name):
        raise ConfigError(f"server_name: {config.server_name!r} is not a host name with an optional port")
    if not config.bind:
        raise ConfigError("bind: give at least one HOST:PORT")
    for address in config.bind:
        parse_address(address)
    for document in config.terms:
        parse_terms(document)
    for name in ("trusted_proxies", "outbound_allow"):
        for network in getattr(config, name):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ConfigError(f"{name}: {network!r} is not an address or a network") from None
    if config.database and not config.is_postgres:
        raise ConfigError("database: only postgresql://… is understood; leave it empty for SQLite in the data folder")
    if config.workers > 1 and not config.is_postgres:
        raise ConfigError("workers: SQLite has one; more need PostgreSQL (database)")
    if config.bus and not config.bus.startswith(("nats://", "tls://")):
        raise ConfigError("bus: only nats://… and tls://… are understood; leave it empty for none")
    if config.media_s3_bucket and not (config.media_s3_access_key and config.media_s3_secret_key):
        raise ConfigError("media_s3_bucket needs media_s3_access_key and media_s3_secret_key")
    if config.metrics_token and len(config.metrics_token) < METRICS_TOKEN_CHARACTERS_LEAST:
        raise ConfigError(f"metrics_token: at least {METRICS_TOKEN_CHARACTERS_LEAST} characters, or it can be guessed")
    for name in (
        "public_base_url",
        "support_page",
        "media_s3_endpoint",
        "status_canary_url",
        "status_copy_s3_endpoint",
    ):
        url = getattr(config, name)
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ConfigError(f"{name}: {url!r} is not a URL that begins with https:// or http://")
    if (config.tls_certificate is None) != (config.tls_key is None):
        raise ConfigError("tls_certificate and tls_key belong together: give both or none")
    if bool(config.turn_uris) != bool(config.turn_secret):
        raise ConfigError("turn_uris and turn_secret belong together: give both or none")
    if config.web_push_subject and not config.web_push_subject.startswith(("mailto:", "https://")):
        raise ConfigError("web_push_subject: must begin with mailto: or https://")
