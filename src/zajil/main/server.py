"""The HTTP server of a worker: uvicorn on the supervisor's sockets, with every limit explicit."""

import asyncio
import gc
import json
import os
import resource
import socket
import sys
from typing import Any

from uvicorn.config import Config as UvicornConfig
from uvicorn.server import Server

from zajil.http.asgi import AsgiApp
from zajil.main.composition import build_app
from zajil.main.protocol import BoundedHttpProtocol
from zajil.main.supervisor import EXIT_CONFIG, LISTEN_BACKLOG, warn
from zajil.ports.configuration import Config, ConfigError
from zajil.ports.database import StorageUnavailable

FILES_SPARE = 256  # for the database, media, outgoing connections
KEEP_ALIVE_S = 75
GRACEFUL_STOP_S_MAX = 5
EXIT_FAILED = 1  # starting again may help
PROBE_PATH = "/_matrix/client/versions"


def run(config: Config, sockets: list[socket.socket], ready_fd: int) -> int:
    """Serve on the sockets until SIGTERM or the supervisor's end; returns the exit code."""
    try:
        app = build_app(config)
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
            timeout_graceful_shutdown=GRACEFUL_STOP_S_MAX,
            ssl_certfile=config.tls_certificate,
            ssl_keyfile=config.tls_key,
        ),
        app,
        ready_fd,
    )

    async def serve() -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), end_with_supervisor)
        await server.serve(sockets)

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serve())
    return 0


class ReadyServer(Server):
    """Tells the supervisor, once it listens and answers, and hands over the token of the first account."""

    def __init__(self, config: UvicornConfig, app: AsgiApp, ready_fd: int) -> None:
        super().__init__(config)
        self.app = app
        self.ready_fd = ready_fd

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()
        gc.enable()
        status = await probe(self.app)
        if status != 200:
            warn(f"zajil: {PROBE_PATH} answers {status}")
            self.should_exit = True
            return
        message = {"setup_token": self.app.setup_token}
        os.write(self.ready_fd, json.dumps(message).encode() + b"\n")
        os.close(self.ready_fd)

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
    return max(1, min(connections_max, limit - FILES_SPARE))


def end_with_supervisor() -> None:
    """Exit at once when the supervisor is gone, as after a crash: all that was acknowledged is on disk."""
    if not os.read(sys.stdin.fileno(), 4096):
        os._exit(1)


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
