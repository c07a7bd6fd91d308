"""`zajil doctor`: check an installation and say, in a sentence each, what to fix."""

import datetime
import json
import os
import resource
import shutil
import socket
import ssl
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from zajil.main.announcement import build_warnings
from zajil.main.console import say
from zajil.main.control import ControlError, ask_supervisor
from zajil.main.data_lock import load_supervisor_pid
from zajil.main.tls import check_certificate
from zajil.ports.configuration import GIB, MIB, Config, is_loopback

PYTHON_LOWEST = (3, 11)
DISK_FREE_LEAST = 1 * GIB
DISK_FREE_WANTED = 10 * GIB
FSYNC_TRIES = 15
FSYNC_SLOW_S = 0.02
FSYNC_UNREAL_S = 0.000_02
FILES_SPARE = 256
CLOCK_EARLIEST = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
CLOCK_BEHIND_S_MAX = 60
FETCH_TIMEOUT_S = 5.0
FETCH_SIZE_MAX = 64 * 1024
SECRET_LENGTH_LEAST = 16


class Level(Enum):
    OK = "ok"
    WARN = "warning"
    FIX = "fix"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; the text of a warning or fix says what to do."""

    level: Level
    subject: str
    text: str


def run(config: Config) -> int:
    """Check everything and print it; 1 when something must be fixed."""
    findings = [finding for check in CHECKS for finding in check(config)]
    width = max(len(each.subject) for each in findings)
    for each in findings:
        say(f"{each.level.value.upper():8} {each.subject:{width}}  {each.text}")
    to_fix = sum(each.level is Level.FIX for each in findings)
    warnings = sum(each.level is Level.WARN for each in findings)
    say(f"\n{to_fix} to fix, {warnings} to think about." if to_fix or warnings else "\nAll is well.")
    return 1 if to_fix else 0


def check_python(config: Config) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON_LOWEST:
        yield Finding(Level.FIX, "Python", f"{found} is too old: install Python 3.11 or later.")
    else:
        yield Finding(Level.OK, "Python", found)


def existing_parent(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def check_data(config: Config) -> Iterator[Finding]:
    place = existing_parent(config.data)
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        yield Finding(Level.FIX, "data folder", f"{place} is on a disk that takes no writes: mount it read-write.")
        return
    if not os.access(place, os.W_OK | os.X_OK) or not place.is_dir():
        yield Finding(Level.FIX, "data folder", f"{place} cannot be written by this user: chown it or choose --data.")
        return
    if place != config.data.absolute():
        yield Finding(Level.OK, "data folder", f"{config.data} will be made at the first start")
    elif place.stat().st_mode & 0o007:
        yield Finding(Level.FIX, "data folder", f"{place} is open to every user of this machine: chmod 700 {place}")
    else:
        yield Finding(Level.OK, "data folder", str(place))


def check_disk(config: Config) -> Iterator[Finding]:
    free = shutil.disk_usage(existing_parent(config.data)).free
    text = f"{free / GIB:.1f} GiB free"
    if free < DISK_FREE_LEAST:
        yield Finding(Level.FIX, "disk", f"{text}: make room, a full disk stops all sending.")
    elif free < DISK_FREE_WANTED:
        yield Finding(Level.WARN, "disk", f"{text}: media will fill it; lower media_quota or add space.")
    else:
        yield Finding(Level.OK, "disk", text)


def check_fsync(config: Config) -> Iterator[Finding]:
    place = existing_parent(config.data)
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        yield Finding(Level.FIX, "data folder", f"{place} is on a disk that takes no writes: mount it read-write.")
        return
    if not os.access(place, os.W_OK):
        return
    durations_s = []
    with tempfile.TemporaryFile(dir=place) as file:
        for _ in range(FSYNC_TRIES):
            file.write(b"\0" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            durations_s.append(time.perf_counter() - began)
    median_s = statistics.median(durations_s)
    text = f"a write reaches the disk in {median_s * 1000:.2f} ms"
    if median_s > FSYNC_SLOW_S:
        yield Finding(Level.WARN, "disk speed", f"{text}: every message waits for it; use an SSD or a local disk.")
    elif median_s < FSYNC_UNREAL_S:
        yield Finding(
            Level.WARN, "disk speed", f"{text}: too fast to be true; in memory, messages do not survive a power cut."
        )
    else:
        yield Finding(Level.OK, "disk speed", text)


def check_database(config: Config) -> Iterator[Finding]:
    if config.is_postgres:
        yield from check_postgres(config)
        return
    path = config.sqlite_path
    if not path.exists():
        yield Finding(Level.OK, "database", "none yet; it is made at the first start")
        return
    import apsw

    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        answers = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
        connection.close()
    except apsw.Error as error:
        answers = [str(error)]
    if answers == ["ok"]:
        yield Finding(Level.OK, "database", f"{path}, {path.stat().st_size / MIB:.0f} MiB, sound")
    else:
        yield Finding(Level.FIX, "database", f"{path} is damaged ({answers[0]}): stop the server and restore a backup.")


def check_postgres(config: Config) -> Iterator[Finding]:
    import asyncio

    import asyncpg

    async def ask() -> tuple[str, str]:
        connection = await asyncpg.connect(config.database, timeout=FETCH_TIMEOUT_S)
        try:
            row = await connection.fetchrow(
                "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync"
            )
            return (str(row["version"]), str(row["fsync"])) if row else ("", "")
        finally:
            await connection.close()

    try:
        version, fsync = asyncio.run(ask())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        yield Finding(Level.FIX, "database", f"PostgreSQL does not answer ({error}): check database and the server.")
        return
    if fsync != "on":
        yield Finding(Level.FIX, "database", "PostgreSQL runs with fsync = off: messages would be lost; switch it on.")
    else:
        yield Finding(Level.OK, "database", f"PostgreSQL {version}")


def check_open_files(config: Config) -> Iterator[Finding]:
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = config.connections_max + FILES_SPARE
    if most != resource.RLIM_INFINITY and most < needed:
        yield Finding(
            Level.WARN,
            "open files",
            f"at most {most}, but connections_max is {config.connections_max}: raise the limit "
            f"(LimitNOFILE={needed} in systemd) or lower connections_max.",
        )
    else:
        yield Finding(Level.OK, "open files", f"{limit}, can be raised to {'any number' if most < 0 else most}")


def check_clock(config: Config) -> Iterator[Finding]:
    now = datetime.datetime.now(datetime.UTC)
    if now < CLOCK_EARLIEST:
        yield Finding(Level.FIX, "clock", f"says {now:%Y-%m-%d}: set it, and let NTP keep it.")
        return
    path = config.sqlite_path
    ahead_s = path.stat().st_mtime - now.timestamp() if path.exists() else 0.0
    if ahead_s > CLOCK_BEHIND_S_MAX:
        yield Finding(Level.FIX, "clock", f"is {ahead_s:.0f} s behind the last write to the database: let NTP keep it.")
    else:
        yield Finding(Level.OK, "clock", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def check_addresses(config: Config) -> Iterator[Finding]:
    if load_supervisor_pid(config.data) is not None:
        yield Finding(Level.OK, "addresses", f"served by a running zajil: {', '.join(config.bind)}")
        return
    for host, port in config.addresses:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
        except OSError as error:
            yield Finding(Level.FIX, "addresses", f"{host}:{port}: {error.strerror}; choose another with --bind.")
        else:
            yield Finding(Level.OK, "addresses", f"{host}:{port} is free")


def check_workers(config: Config) -> Iterator[Finding]:
    """How the running server's workers have done."""
    try:
        state = ask_supervisor(config.data, "state", FETCH_TIMEOUT_S)
    except (ControlError, OSError):
        return
    if state["restarts"]:
        yield Finding(
            Level.WARN,
            "workers",
            f"replaced {state['restarts']} times since the server was started; the last one {state['last_end']}: see the log.",
        )
    else:
        yield Finding(Level.OK, "workers", f"{len(state['workers'])} running, none had to be replaced")


def check_exposure(config: Config) -> Iterator[Finding]:
    for warning in build_warnings(config):
        yield Finding(Level.WARN, "exposure", warning)
    for name in ("registration_shared_secret", "turn_secret"):
        secret = getattr(config, name)
        if secret and len(secret) < SECRET_LENGTH_LEAST:
            yield Finding(
                Level.FIX, "secrets", f"{name} is shorter than {SECRET_LENGTH_LEAST} characters: lengthen it."
            )
    if config.registration == "open" and not all(is_loopback(host) for host, _ in config.addresses):
        yield Finding(
            Level.WARN, "registration", "anyone can make accounts: set registration = token unless you mean it."
        )
    if not config.rate_limits:
        yield Finding(Level.WARN, "rate limits", "are off: set rate_limits = on except in tests.")


def check_tls(config: Config) -> Iterator[Finding]:
    if config.tls_certificate is None or config.tls_key is None:
        return
    host = urlsplit(config.base_url).hostname or config.server_name
    problems = check_certificate(config.tls_certificate, config.tls_key, host, datetime.datetime.now(datetime.UTC))
    for problem in problems:
        yield Finding(Level.FIX, "TLS", problem)
    if not problems:
        yield Finding(Level.OK, "TLS", f"{config.tls_certificate} names {host}")


def check_names(config: Config) -> Iterator[Finding]:
    """Users type the server name; it must lead to the base URL, by being its host or through .well-known."""
    name_host = urlsplit(f"//{config.server_name}").hostname or config.server_name
    base = urlsplit(config.base_url)
    if is_loopback(name_host):
        if not is_loopback(base.hostname or ""):
            yield Finding(
                Level.FIX,
                "names",
                f"users would be @name:{config.server_name}: set server_name before the first account.",
            )
        else:
            yield Finding(Level.OK, "names", f"{config.server_name}: for this machine only")
        return
    if base.hostname == name_host and base.scheme == "https" and base.port in (None, 443):
        yield Finding(Level.OK, "names", f"{config.server_name} is where the server is")
        return
    url = f"https://{name_host}/.well-known/matrix/client"
    wanted = f'{{"m.homeserver": {{"base_url": "{config.base_url}"}}}}'
    advice = f"let {url} answer {wanted}"
    found = fetch_well_known(url)
    if isinstance(found, str):
        yield Finding(Level.WARN, "names", f"{found}: {advice}.")
    elif found.url != config.base_url:
        yield Finding(Level.FIX, "names", f"{url} points to {found.url}: {advice}.")
    else:
        yield Finding(Level.OK, "names", f"{url} points to {config.base_url}")


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """What a well-known document names."""

    url: str


def fetch_well_known(url: str) -> str | BaseUrl:
    """The base URL a well-known document names, or a text saying why it could not be had."""
    try:
        with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310  always https
            document = json.loads(answer.read(FETCH_SIZE_MAX))
            return BaseUrl(str(document["m.homeserver"]["base_url"]).rstrip("/"))
    except (OSError, urllib.error.URLError, ssl.SSLError) as error:
        return f"{url} cannot be fetched ({getattr(error, 'reason', error)})"
    except (ValueError, KeyError, TypeError):
        return f"{url} is not a well-known document"


def check_federation(config: Config) -> Iterator[Finding]:
    """Other servers look for this one by its name, too, and in another way than clients."""
    from zajil.main.doctor_federation import find_own_problem, is_expected

    if not is_expected(config):
        return
    problem = find_own_problem(config)
    if problem is None:
        yield Finding(Level.OK, "other servers", f"find this one by the name {config.server_name}")
    else:
        is_certain, text = problem
        yield Finding(Level.FIX if is_certain else Level.WARN, "other servers", text)


def check_status(config: Config) -> Iterator[Finding]:
    """Whether announcements and the copy would arrive, before they are needed."""
    if config.status_announce:
        import apprise

        for number, url in enumerate(config.status_announce, 1):
            if not apprise.Apprise().add(url):
                yield Finding(
                    Level.FIX, "announcements", f"URL {number} of status_announce is none that apprise knows."
                )
    if config.status_copy and not config.status_copy.startswith("s3://"):
        place = existing_parent(Path(config.status_copy))
        if not os.access(place, os.W_OK):
            yield Finding(Level.FIX, "status copy", f"{place} takes no files: make it writable for this user.")
    if config.status and not config.status_copy:
        text = "no copy is kept: set status_copy, so that people can read what is wrong when the server is down."
        yield Finding(Level.WARN, "status copy", text)


CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    check_python,
    check_data,
    check_disk,
    check_fsync,
    check_database,
    check_open_files,
    check_clock,
    check_addresses,
    check_workers,
    check_status,
    check_exposure,
    check_tls,
    check_names,
    check_federation,
)
