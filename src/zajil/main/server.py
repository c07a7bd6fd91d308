"""The HTTP server of a worker: uvicorn on the supervisor's sockets, with every limit explicit."""

import asyncio
import resource
import socket
from typing import Any

from uvicorn.config import Config as UvicornConfig
from uvicorn.server import Server

from zajil.http.asgi import AsgiApp
from zajil.main.channel import Channel
from zajil.main.composition import build_app
from zajil.main.console import EXIT_CONFIG, warn
from zajil.main.garbage import GarbageSearch
from zajil.main.handover import Arrivals, Retirement
from zajil.main.listening import LISTEN_BACKLOG, multiply
from zajil.main.protocol import BoundedHttpProtocol
from zajil.main.read_turns import ReadTurns
from zajil.ports.configuration import Config, ConfigError
from zajil.ports.database import StorageUnavailable

FILES_SPARE = 256  # for the database, media, outgoing connections, and those who ask for the status beyond the limit
KEEP_ALIVE_S = 75
GRACEFUL_STOP_S_MAX = 5
EXIT_FAILED = 1  # starting again may help
PROBE_PATH = "/_matrix/client/versions"


def run(
    config: Config, sockets: list[socket.socket], channel: socket.socket, take: socket.socket | None, number: int = 0
) -> int:
    """Serve on the sockets until SIGTERM, a successor or the supervisor's end; returns the exit code.

    Through `take` come the connections of the worker that this one replaces.
    """
    try:
        app = build_app(config, number)
    except ConfigError as error:
        warn(f"zajil: {error}")
        return EXIT_CONFIG
    except StorageUnavailable as error:
        warn(f"zajil: {error}")
        return EXIT_FAILED
    server = ReadyServer(
        UvicornConfig(
            app,
            loop="uvloop",
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(config.trusted_proxies),
            forwarded_allow_ips=list(config.trusted_proxies),
            limit_concurrency=raise_files_limit(config.connections_max),
            backlog=LISTEN_BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            reset_contextvars=True,  # a request that waits behind another on its connection must not go on as part of it
            timeout_graceful_shutdown=GRACEFUL_STOP_S_MAX,
            ssl_certfile=config.tls_certificate,
            ssl_keyfile=config.tls_key,
        ),
        app,
        channel,
        take,
    )

    async def serve() -> None:
        server.channel.open()
        await server.serve(sockets)

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serve())
    return 0


class ReadyServer(Server):
    """Tells the supervisor when it answers, and hands over the token of the first account; retires when it is told to."""

    def __init__(self, config: UvicornConfig, app: AsgiApp, channel: socket.socket, take: socket.socket | None) -> None:
        super().__init__(config)
        self.app = app
        self.channel = Channel(channel, self.retire)
        self.take = take
        self.retirement: asyncio.Task[None] | None = None
        app.startup.append(self.check_probe)
        if take is not None:
            app.app.db.share_turn()

    async def check_probe(self) -> None:
        """Before it accepts a connection, a worker must answer a request of its own."""
        status = await probe(self.app)
        if status != 200:
            raise ConfigError(f"{PROBE_PATH} answers {status}")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(multiply(sockets or []))
        if self.take is not None:
            Arrivals(self.app.app, self.take, self.build_protocol).open()
        BoundedHttpProtocol.early_refusal = self.app.early_refusal
        admission = self.app.app.admission
        BoundedHttpProtocol.turns = ReadTurns(admission.has_live)
        self.garbage = GarbageSearch(self.app.app.clock.monotonic_s, lambda: admission.is_quiet, admission.has_live)
        self.garbage.begin()
        self.searching = asyncio.create_task(self.garbage.run())
        self.app.app.db.take_turn()
        self.channel.tell_ready(setup_token=self.app.setup_token)

    def build_protocol(self) -> asyncio.Protocol:
        """A protocol for one more connection, as for those that were accepted here."""
        return BoundedHttpProtocol(self.config, self.server_state, self.lifespan.state)

    def retire(self, give: socket.socket | None) -> None:
        if self.retirement is None:
            for server in self.servers:
                server.close()
            self.retirement = asyncio.create_task(self.hand_over(give))

    async def hand_over(self, give: socket.socket | None) -> None:
        try:
            await Retirement(self.app.app, self.server_state, give).run()
        finally:
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Parked polls are answered now; their clients simply ask again.
        self.app.app.stopping = True
        self.app.app.notifier.wake_all()
        await super().shutdown(sockets)


def raise_files_limit(connections_max: int) -> int:
    """Allow as many open files as the system lets us, at most what is needed; returns the connections that leaves."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + FILES_SPARE
    if limit < wanted:
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    # A limit that leaves nothing beside the spare files is shared in halves.
    return max(1, min(connections_max, max(limit - FILES_SPARE, limit // 2)))


async def probe(app: AsgiApp) -> int:
    """The status this application answers a simple request with."""
    status = 0
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": PROBE_PATH,
        "raw_path": PROBE_PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, send)
    return status
