"""`zajil serve`: hold the listening sockets and keep one worker running on them.

The supervisor imports nothing of the server, so it starts at once, stays small and has little that can break. The
sockets outlive every worker: while one is replaced, connections wait in the kernel's queue instead of being refused.
SIGTERM and SIGINT stop, SIGHUP (`zajil reload`) replaces the worker.
"""

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

from zajil.main.config_file import LoadedConfig, load_config
from zajil.ports.configuration import Config, ConfigError, build_url, is_loopback

LISTEN_BACKLOG = 4096
LOCK_FILE = "zajil.lock"
LOCK_WAIT_S_MAX = 10.0
READY_MESSAGE_SIZE_MAX = 16 * 1024
STOP_WAIT_S_MAX = 15.0
BACK_OFF_FIRST_S = 0.1
BACK_OFF_S_MAX = 10.0
HEALTHY_AFTER_S = 30.0
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: starting again cannot help
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class ServeError(Exception):
    """The server cannot be started; the text is for the operator."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def open_sockets(config: Config) -> list[socket.socket]:
    """Bind every address of the configuration. Raises `ServeError`."""
    sockets: list[socket.socket] = []
    for host, port in config.addresses:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = socket.socket(family, kind, protocol)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(LISTEN_BACKLOG)
        except OSError as error:
            for each in sockets:
                each.close()
            reason = error.strerror or str(error)
            raise ServeError(f"Cannot listen on {host}:{port}: {reason}. Choose another with --bind.") from None
        sockets.append(listener)
    return sockets


def lock_data(data: Path, wait_s: float = LOCK_WAIT_S_MAX) -> int:
    """Make the data folder and lock it for this process and its workers; returns the open lock file.

    Waits a moment, because the workers of a killed supervisor need it to notice. Raises `ServeError`.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ServeError(f"The data folder {data} cannot be used: {error.strerror}.") from None
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise ServeError(f"Another zajil is already running with the data folder {data}.") from None
            time.sleep(0.05)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def load_supervisor_pid(data: Path) -> int | None:
    """The process that serves this data folder, or None when none does."""
    try:
        lock = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(lock, 20, 0).decode("ascii", "replace")
        return int(text) if text.isdigit() else None
    else:
        return None
    finally:
        os.close(lock)


class Worker:
    """One worker process.

    Its standard input is a lifeline: when the supervisor dies, however it dies, the worker reads the end of it and
    exits. It tells once, as a line of JSON on a pipe, that it answers.
    """

    def __init__(self, sockets: list[socket.socket], lock: int, options: list[str]) -> None:
        self.ready_pipe, ready_end = os.pipe2(os.O_CLOEXEC)
        inherited = [*(each.fileno() for each in sockets), lock, ready_end]
        command = [sys.executable, "-P", "-m", "zajil.main.worker", "--ready-fd", str(ready_end), *options]
        for each in sockets:
            command += ["--fd", str(each.fileno())]
        self.started_at = time.monotonic()
        self.ready: Mapping[str, str] | None = None
        self._message = b""
        try:
            self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                command, stdin=subprocess.PIPE, pass_fds=inherited
            )
        finally:
            os.close(ready_end)

    def read_ready(self) -> bool:
        """Read from the pipe; True at the moment the worker says that it answers."""
        part = os.read(self.ready_pipe, READY_MESSAGE_SIZE_MAX)
        self._message += part
        if not part or len(self._message) > READY_MESSAGE_SIZE_MAX:
            self.close_pipe()
        if self.ready is not None or not self._message.endswith(b"\n"):
            return False
        self.ready = json.loads(self._message)
        self.close_pipe()
        return True

    def close_pipe(self) -> None:
        if self.ready_pipe >= 0:
            os.close(self.ready_pipe)
            self.ready_pipe = -1

    def close(self) -> None:
        """Give up what the supervisor holds for a worker that has ended."""
        self.close_pipe()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


class Supervisor:
    """Keeps one worker alive until told to stop."""

    def __init__(
        self,
        loaded: LoadedConfig,
        options: list[str],
        announce: Callable[[Config, Mapping[str, str]], None] | None = None,
        read_config: Callable[[], object] | None = None,
    ) -> None:
        self.config = loaded.config
        self.options = options
        self.announce = announce or announce_ready
        self.read_config = read_config
        self.sockets: list[socket.socket] = []
        self.lock = -1
        self.worker: Worker | None = None
        self.was_ready = False
        self.failures = 0
        self.start_at = 0.0
        self.stop_signal: int | None = None
        self.stop_at = 0.0
        self.replacing = False

    def run(self) -> int:
        """Serve until stopped; returns the exit code. Raises `ServeError` when it cannot start."""
        self.lock = lock_data(self.config.data)
        try:
            self.sockets = open_sockets(self.config)
            with wakeups() as wakeup:
                return self._run(wakeup)
        finally:
            for each in self.sockets:
                each.close()
            os.close(self.lock)

    def _run(self, wakeup: socket.socket) -> int:
        while True:
            if self.worker is None:
                if self.stop_signal is not None:
                    return 0
                if time.monotonic() >= self.start_at:
                    self.worker = Worker(self.sockets, self.lock, self.options)
            self._wait(wakeup)
            code = self._reap()
            if code is not None:
                return code

    def _wait(self, wakeup: socket.socket) -> None:
        """Sleep until a signal, news of the worker, or the next thing to do."""
        timeout_s: float | None = None
        readable: list[int | socket.socket] = [wakeup]
        if self.worker is None:
            timeout_s = max(0.0, self.start_at - time.monotonic())
        elif self.stop_at:
            timeout_s = max(0.0, self.stop_at - time.monotonic())
        if self.worker is not None and self.worker.ready_pipe >= 0:
            readable.append(self.worker.ready_pipe)
        woken, _, _ = select.select(readable, [], [], timeout_s)
        if wakeup in woken:
            for number in wakeup.recv(4096):
                self._handle(signal.Signals(number))
        if self.worker is not None and self.worker.ready_pipe in woken and self.worker.read_ready():
            self._became_ready(self.worker)
        if self.worker is not None and self.stop_at and time.monotonic() >= self.stop_at:
            warn(f"zajil: the worker did not stop within {STOP_WAIT_S_MAX:.0f} s and is killed.")
            self.worker.process.kill()
            self.stop_at = 0.0

    def _handle(self, number: signal.Signals) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            if self.stop_signal is None:
                self.stop_signal = number
                self._stop_worker()
        elif number == signal.SIGHUP and self.stop_signal is None and not self.replacing and self._can_reload():
            self.replacing = True
            say("zajil: replacing the worker.")
            self._stop_worker()

    def _can_reload(self) -> bool:
        """Whether a new worker could read its configuration; if not, the one that runs goes on with the former."""
        try:
            if self.read_config is not None:
                self.read_config()
        except ConfigError as error:
            warn(f"zajil: not reloaded: {error}")
            return False
        return True

    def _stop_worker(self) -> None:
        if self.worker is not None:
            self.worker.process.terminate()
            self.stop_at = time.monotonic() + STOP_WAIT_S_MAX

    def _became_ready(self, worker: Worker) -> None:
        if not self.was_ready:
            self.announce(self._announced_config(), worker.ready or {})
        else:
            took_s = time.monotonic() - worker.started_at
            say(f"zajil: the worker answers again ({took_s:.2f} s after its start).")
        self.was_ready = True

    def _announced_config(self) -> Config:
        """The configuration with the port that was really bound, should it ask for port 0."""
        bind = []
        for (host, _), each in zip(self.config.addresses, self.sockets, strict=True):
            bind.append(f"[{host}]:{each.getsockname()[1]}" if ":" in host else f"{host}:{each.getsockname()[1]}")
        values = {name: getattr(self.config, name) for name in Config.__dataclass_fields__}
        return Config(**{**values, "bind": tuple(bind)})

    def _reap(self) -> int | None:
        """Notice a worker that has ended and decide when the next one starts; a number ends the supervisor."""
        worker = self.worker
        if worker is None or worker.process.poll() is None:
            return None
        code = worker.process.returncode
        worker.close()
        self.worker = None
        self.stop_at = 0.0
        if self.stop_signal is not None:
            return 0
        if code == EXIT_CONFIG or not self.was_ready:
            return code if code > 0 else 1
        if self.replacing:
            self.replacing = False
            self.failures = 0
            return None
        if time.monotonic() - worker.started_at > HEALTHY_AFTER_S:
            self.failures = 0
        delay_s = build_back_off_s(self.failures)
        self.failures += 1
        self.start_at = time.monotonic() + delay_s
        when = f"in {delay_s:.1f} s" if delay_s else "now"
        warn(f"zajil: the worker (process {worker.process.pid}) {describe_exit(code)}; the next starts {when}.")
        return None


def build_back_off_s(failures: int) -> float:
    """Seconds to wait after that many failures in a row: none at first, then doubling up to a bound."""
    return 0.0 if failures == 0 else min(BACK_OFF_S_MAX, BACK_OFF_FIRST_S * 2.0 ** min(failures - 1, 10))


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


@contextlib.contextmanager
def wakeups() -> Iterator[socket.socket]:
    """A socket on which the number of every handled signal arrives as one byte."""
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)

    def handle(number: int, frame: FrameType | None) -> None:
        """The number travels through the wake-up socket; nothing to do here."""

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    wakeup_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()


def announce_ready(config: Config, ready: Mapping[str, str]) -> None:
    """Print where the server is and, as long as it has no account, how the administrator's is made."""
    say(f"Zajil is ready at {config.base_url}")
    if token := ready.get("setup_token"):
        local_url = build_url(*config.addresses[0], config.server_name, is_tls=config.is_tls)
        body = json.dumps(
            {
                "username": "admin",
                "password": "choose a long one",
                "auth": {"type": "m.login.registration_token", "token": token},
            }
        )
        say(
            "\nThere is no account yet. Make the administrator's with this link, which works once:\n\n"
            f"    {config.base_url}/#/register?token={token}\n\n"
            "or with one call:\n\n"
            f"    curl -X POST {local_url}/_matrix/client/v3/register \\\n      -d '{body}'\n"
        )
    for warning in build_warnings(config):
        warn(f"WARNING: {warning}")


def build_warnings(config: Config) -> list[str]:
    """What an operator should know about this way of serving."""
    exposed = [host for host, _ in config.addresses if not is_loopback(host)]
    is_https = config.is_tls or config.public_base_url.startswith("https://")
    warnings = []
    if exposed and not config.is_tls and not config.trusted_proxies:
        warnings.append(
            f"serving on {', '.join(exposed)} without TLS: browsers refuse encryption on such pages and passwords "
            "travel in the clear. Set tls_certificate and tls_key, or put a proxy with TLS in front and set "
            "trusted_proxies and public_base_url."
        )
    if config.trusted_proxies and not is_https:
        warnings.append("trusted_proxies is set but public_base_url is not an https:// URL; set it to what users open.")
    if config.push_allow_private_networks:
        warnings.append(
            "push_allow_private_networks is on: users can make this server call addresses inside its network."
        )
    return warnings


def serve(arguments: Mapping[str, str | list[str]], path: Path | None) -> int:
    """Run the server with these options of the command line; returns the exit code."""
    try:
        loaded = load_config(arguments, path=path)
        options = ["--arguments", json.dumps(dict(arguments))]
        if loaded.path is not None:
            options += ["--config", str(loaded.path)]
        return Supervisor(loaded, options, read_config=lambda: load_config(arguments, path=loaded.path)).run()
    except (ConfigError, ServeError) as error:
        warn(f"zajil: {error}")
        return EXIT_CONFIG if isinstance(error, ConfigError) else 1
