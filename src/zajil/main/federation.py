"""Putting federation on its adapters."""

import contextlib
import ipaddress
from collections.abc import AsyncIterator

from zajil.federation.remote_media import FederatedMedia
from zajil.federation.transport import HttpTransport
from zajil.services.app import App
from zajil.services.federation.access_servers import ServerRules, is_server_allowed
from zajil.services.federation.ask_policy_server import PolicyServers
from zajil.services.federation.backfill import Backfills
from zajil.services.federation.destinations import Destinations
from zajil.services.federation.federated_devices import FederatedDevices
from zajil.services.federation.inbound_turns import InboundTurns
from zajil.services.federation.origin_budgets import OriginBudgets
from zajil.services.federation.partial_rooms import PartialRooms
from zajil.services.federation.receive_events import RoomTurns
from zajil.services.federation.remote_spaces import RemoteSpaces
from zajil.services.federation.server_keys import ServerKeyring
from zajil.services.federation.slowed_senders import SlowedSenders


def attach_federation(app: App) -> None:
    """Give the services their way to other servers."""
    config = app.config
    app.federation = HttpTransport(
        config.server_name,
        app.signing_key,
        app.clock,
        app.randomness,
        allowed_networks=[ipaddress.ip_network(each, strict=False) for each in config.federation_networks],
        ca_file=None if config.federation_ca is None else str(config.federation_ca),
        unverified=config.federation_unverified,
        is_server_allowed=lambda name: is_server_allowed(app, name),
    )
    app.server_keys = ServerKeyring(app)
    app.remote_devices = FederatedDevices(app)
    app.destinations = Destinations(app)
    app.server_rules = ServerRules(app)
    app.inbound_turns = InboundTurns(app)
    app.origin_budgets = OriginBudgets(app)
    app.room_turns = RoomTurns()
    app.policy_servers = PolicyServers(app)
    app.backfills = Backfills(app)
    app.partial_rooms = PartialRooms(app)
    app.slowed_senders = SlowedSenders(app)
    app.remote_spaces = RemoteSpaces(app)
    if config.federation:
        app.media.remote = FederatedMedia(app.federation, app.outbound, app.clock, config.upload_size_max)


@contextlib.asynccontextmanager
async def run_federation(app: App) -> AsyncIterator[None]:
    """Send what waits; close the way at the end."""
    await app.server_rules.load()
    await app.destinations.start()
    await app.partial_rooms.start()
    app.slowed_senders.start()
    try:
        yield
    finally:
        await app.slowed_senders.stop()
        await app.partial_rooms.stop()
        await app.backfills.stop()
        await app.destinations.stop()
        await app.federation.close()
