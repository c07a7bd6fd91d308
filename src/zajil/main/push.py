"""Putting push on its adapters."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator

from zajil.outbound.http_client import HttpClient
from zajil.push.deliver_pushes import PushDelivery
from zajil.push.gateway import WebPushGateway
from zajil.push.queue_pushes import PushQueue
from zajil.services.app import App

EVERYWHERE = ("0.0.0.0/0", "::/0")


def attach_push(app: App) -> None:
    """Give the services their way out to push gateways, and their own gateway."""
    private = EVERYWHERE if app.config.push_allow_private_networks else ()
    app.push_http = HttpClient(
        [ipaddress.ip_network(each, strict=False) for each in (*app.config.outbound_allow, *private)]
    )
    app.push_gateway = WebPushGateway(app)


@contextlib.asynccontextmanager
async def run_push(app: App) -> AsyncIterator[None]:
    """Queue and deliver until the end; what is not delivered then is delivered by the next process."""
    delivery = PushDelivery(app)
    queue = PushQueue(app, delivery.wake)
    running = [asyncio.create_task(queue.run()), asyncio.create_task(delivery.run())]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await app.push_http.close()
