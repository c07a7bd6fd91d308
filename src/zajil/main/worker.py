"""The process that answers requests: `python -m zajil.main.worker`, started by the supervisor on its sockets."""

import argparse
import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from zajil.ports.configuration import Config, ConfigError
from zajil.main.config_file import load_config
from zajil.main.log import configure_log
from zajil.main.supervisor import EXIT_CONFIG, LISTEN_BACKLOG, warn

KEEP_ALIVE_S = 75
GRACEFUL_STOP_S_MAX = 5
PROBE_PATH = "/_matrix/client/versions"


def main() -> int:
    parser = argparse.ArgumentParser(prog="zajil.main.worker")
    parser.add_argument("--fd", type=int, action="append", required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    parser.add_argument("--arguments", default="{}")
    parser.add_argument("--config", type=Path)
    given = parser.parse_args()
    try:
        config = load_config(json.loads(given.arguments), path=given.config).config
    except ConfigError as error:
        warn(f"zajil: {error}")
        return EXIT_CONFIG
    configure_log(config)
    sockets = [socket.socket(fileno=fd) for fd in given.fd]
    return run(config, sockets, given.ready_fd)


def run(config: Config, sockets: list[socket.socket], ready_fd: int) -> int:
    """Serve on the sockets until SIGTERM or the supervisor's end; returns the exit code."""
    import uvicorn

    from zajil.main.composition import build_app
    from zajil.main.protocol import BoundedHttpProtocol

    try:
        app = build_app(config)
    except ConfigError as error:
        warn(f"zajil: {error}")
        return EXIT_CONFIG
    server = uvicorn.Server(
        uvicorn.Config(
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
            limit_concurrency=config.connections_max,
            backlog=LISTEN_BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACEFUL_STOP_S_MAX,
            ssl_certfile=config.tls_certificate,
            ssl_keyfile=config.tls_key,
        )
    )

    async def serve() -> None:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), end_with_supervisor)
        telling = asyncio.create_task(tell_ready(server, app, ready_fd))
        await server.serve(sockets)
        telling.cancel()

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(serve())
    return 0


def end_with_supervisor() -> None:
    """Exit at once when the supervisor is gone, as after a crash: all that was acknowledged is on disk."""
    if not os.read(sys.stdin.fileno(), 4096):
        os._exit(1)


async def tell_ready(server: Any, app: Any, ready_fd: int) -> None:
    """Tell the supervisor, once the server is listening and answers, together with the token of the first account."""
    while not server.started:
        await asyncio.sleep(0.005)
    status = await probe(app)
    if status != 200:
        warn(f"zajil: {PROBE_PATH} answers {status}")
        server.should_exit = True
        return
    message = {"setup_token": getattr(app, "setup_token", None) or ""}
    os.write(ready_fd, json.dumps(message).encode() + b"\n")
    os.close(ready_fd)


async def probe(app: Any) -> int:
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


if __name__ == "__main__":
    sys.exit(main())
