"""Putting the server together: the only place that knows every adapter."""

import asyncio

from zajil.http.asgi import AsgiApp
from zajil.http.client_api import load_routes
from zajil.http.federation_api import load_federation_routes
from zajil.http.metrics import ROUTES as METRICS
from zajil.http.metrics_exchange import MetricsExchange
from zajil.http.openapi import describe
from zajil.http.pages import ROUTES as PAGES
from zajil.http.status_pages import ROUTES as STATUS_PAGES
from zajil.http.status_pages.operator import ROUTES as OPERATOR_PAGE
from zajil.http.web_client import ROUTES as WEB_CLIENT
from zajil.main.bus import connect_log, open_bus
from zajil.main.database import build_pusher_store, build_search_store, open_database
from zajil.main.federation import attach_federation, run_federation
from zajil.main.media import attach_media, run_media
from zajil.main.push import attach_push, run_push
from zajil.main.status import attach_status
from zajil.main.system import SystemClock, SystemRandomness, load_signing_keys, shift_wall
from zajil.ports.configuration import Config
from zajil.ports.stores import Stores
from zajil.services.accounts.administer_tokens import prepare_setup_token
from zajil.services.accounts.attach_accounts import attach_accounts, start_accounts, stop_accounts
from zajil.services.accounts.ignored_users import IgnoredUsers
from zajil.services.admission.memory import recall_conversations
from zajil.services.admission.overload_control import observe_rooms
from zajil.services.app import App
from zajil.services.keys.attach_keys import attach_end_to_end_encryption
from zajil.services.messages.clean_transactions import run_transaction_cleaning
from zajil.services.notifications.attach_notifications import attach_notifications, run_notifications
from zajil.services.own_name import check_own_name
from zajil.services.rooms.room_heads import RoomHeads
from zajil.services.search.index_messages import MessageIndex
from zajil.services.signals.attach_signals import attach_signals, start_signals, stop_signals
from zajil.services.sync.lazy_members import LazyMembers
from zajil.services.sync.notifier import Notifier
from zajil.services.sync.turns import SyncTurns
from zajil.storage.stores.account_data import SqlAccountDataStore, SqlFilterStore
from zajil.storage.stores.accounts import SqlAccountStore
from zajil.storage.stores.device_keys import SqlDeviceKeyStore
from zajil.storage.stores.device_lists import SqlDeviceListStore
from zajil.storage.stores.devices import SqlDeviceStore
from zajil.storage.stores.directory import SqlDirectoryStore
from zajil.storage.stores.events import SqlEventStore
from zajil.storage.stores.federation_queue import SqlFederationQueueStore
from zajil.storage.stores.incidents import SqlIncidentStore
from zajil.storage.stores.invite_links import SqlInviteLinkStore
from zajil.storage.stores.key_backups import SqlKeyBackupStore
from zajil.storage.stores.media import SqlMediaRows
from zajil.storage.stores.partial_rooms import SqlPartialRoomStore
from zajil.storage.stores.profiles import SqlProfileStore
from zajil.storage.stores.receipts import SqlPushRuleStore, SqlReceiptStore
from zajil.storage.stores.relations import SqlRelationStore
from zajil.storage.stores.reports import SqlReportStore
from zajil.storage.stores.rooms import SqlRoomStore
from zajil.storage.stores.server_keys import SqlServerKeyStore
from zajil.storage.stores.signals import SqlSignalStore
from zajil.storage.stores.to_device import SqlToDeviceStore

INSTANCE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def build_stores(config: Config) -> Stores:
    """Every store; the SQL is the same for all engines but for the full-text index."""
    return Stores(
        events=SqlEventStore(),
        relations=SqlRelationStore(),
        receipts=SqlReceiptStore(),
        push_rules=SqlPushRuleStore(),
        pushers=build_pusher_store(config),
        rooms=SqlRoomStore(),
        accounts=SqlAccountStore(),
        devices=SqlDeviceStore(),
        account_data=SqlAccountDataStore(),
        filters=SqlFilterStore(),
        profiles=SqlProfileStore(),
        reports=SqlReportStore(),
        directory=SqlDirectoryStore(),
        invite_links=SqlInviteLinkStore(),
        device_keys=SqlDeviceKeyStore(),
        device_lists=SqlDeviceListStore(),
        key_backups=SqlKeyBackupStore(),
        to_device=SqlToDeviceStore(),
        media=SqlMediaRows(),
        signals=SqlSignalStore(),
        search=build_search_store(config),
        incidents=SqlIncidentStore(),
        server_keys=SqlServerKeyStore(),
        federation_queue=SqlFederationQueueStore(),
        partial_rooms=SqlPartialRoomStore(),
    )


def build_services(config: Config) -> App:
    """The services on their adapters. Nothing runs yet: `start_services` needs a running event loop."""
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    randomness = SystemRandomness()
    signing_key, old_signing_keys = load_signing_keys(config.data, randomness)
    app = App(
        config=config,
        db=open_database(config),
        stores=build_stores(config),
        clock=SystemClock() if config.clock_shift_file is None else SystemClock(shift_wall(config.clock_shift_file)),
        randomness=randomness,
        signing_key=signing_key,
        old_signing_keys=old_signing_keys,
        sign_event=signing_key.build_signer(config.server_name),
        instance=randomness.letters(8, INSTANCE_LETTERS),
    )
    attach_accounts(app)
    attach_end_to_end_encryption(app)
    attach_media(app)
    attach_federation(app)
    app.rooms = RoomHeads(app.stores, app.db)
    app.notifier = Notifier(app.db, app.stores, app.rooms)
    observe_rooms(app)
    app.ignored_users = IgnoredUsers(app)
    attach_notifications(app)
    attach_push(app)
    app.lazy_members = LazyMembers()
    app.sync_turns = SyncTurns(app.clock.monotonic_s, lambda: app.admission.has_sends())
    attach_signals(app)
    app.message_index = MessageIndex(app)
    return app


def build_app(config: Config, number: int = 0) -> AsgiApp:
    """The ASGI application of one worker; `number` says which of those that serve side by side."""
    app = build_services(config)
    all_routes = [
        *load_routes(legacy_r0=config.legacy_r0),
        *load_federation_routes(),
        *PAGES,
        *STATUS_PAGES,
        *OPERATOR_PAGE,
        *METRICS,
        *WEB_CLIENT,
    ]
    asgi = AsgiApp(app, [*all_routes, *describe(all_routes)])
    bus = open_bus(config)
    connect_log(app.db, bus)
    if config.bus:
        app.node_signals.connect(bus)
    status_link = attach_status(app)
    metrics = MetricsExchange(app, number)
    media = run_media(app)
    notifications = run_notifications(app)
    push = run_push(app)
    federation = run_federation(app)

    sweeps: list[asyncio.Task[None]] = []

    async def start() -> None:
        app.db.start()
        await bus.start()
        await check_own_name(app)
        await media.__aenter__()
        await notifications.__aenter__()
        await push.__aenter__()
        await federation.__aenter__()
        start_accounts(app)
        start_signals(app)
        sweeps.append(asyncio.create_task(run_transaction_cleaning(app)))
        sweeps.append(asyncio.create_task(recall_conversations(app)))
        app.message_index.start()
        status_link.start()
        await metrics.start()
        asgi.setup_token = await prepare_setup_token(app)

    async def stop() -> None:
        app.stopping = True
        app.notifier.wake_all()
        for sweep in sweeps:
            sweep.cancel()
        await status_link.stop()
        await metrics.stop()
        await app.message_index.stop()
        await stop_signals(app)
        await stop_accounts(app)
        await federation.__aexit__(None, None, None)
        await push.__aexit__(None, None, None)
        await notifications.__aexit__(None, None, None)
        await media.__aexit__(None, None, None)
        await app.db.close()
        await bus.close()

    asgi.startup.append(start)
    asgi.shutdown.append(stop)
    return asgi
