"""What every service is given: configuration, ports, and this process's memory of the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zajil.core.admission import Admission
from zajil.core.admission_rank import Ranks
from zajil.core.server_keys import OwnOldKey
from zajil.core.signing import Signer, SigningKey
from zajil.ports.clock import Clock
from zajil.ports.configuration import Config
from zajil.ports.database import Database
from zajil.ports.federation import FederationTransport
from zajil.ports.outbound_http import OutboundHttp
from zajil.ports.push_gateway import PushGateway
from zajil.ports.randomness import Randomness
from zajil.ports.stores import Stores
from zajil.services.measurements import Measurements
from zajil.services.status_board import StatusBoard

if TYPE_CHECKING:
    from zajil.services.accounts.device_hooks import DeviceHooks
    from zajil.services.accounts.ignored_users import IgnoredUsers
    from zajil.services.accounts.note_sightings import Sightings
    from zajil.services.accounts.passwords import Passwords
    from zajil.services.accounts.privacy_settings import PrivacyMemory
    from zajil.services.accounts.run_account_tasks import AccountTasks
    from zajil.services.accounts.sessions import Sessions
    from zajil.services.accounts.user_interactive_auth import InteractiveAuth
    from zajil.services.admission.invitations import Invitations
    from zajil.services.admission.new_rooms import NewRooms
    from zajil.services.federation.access_servers import ServerRules
    from zajil.services.federation.ask_policy_server import PolicyServers
    from zajil.services.federation.backfill import Backfills
    from zajil.services.federation.destinations import Destinations
    from zajil.services.federation.inbound_turns import InboundTurns
    from zajil.services.federation.origin_budgets import OriginBudgets
    from zajil.services.federation.partial_rooms import PartialRooms
    from zajil.services.federation.receive_events import RoomTurns
    from zajil.services.federation.remote_spaces import RemoteSpaces
    from zajil.services.federation.server_keys import ServerKeyring
    from zajil.services.federation.slowed_senders import SlowedSenders
    from zajil.services.keys.device_memory import DeviceMemory
    from zajil.services.keys.remote_devices import RemoteDevices
    from zajil.services.keys.to_device import Acknowledgements
    from zajil.services.media.media_repository import MediaRepository
    from zajil.services.messages.hide_erased import Erasures
    from zajil.services.notifications.receipt_memory import ReceiptMemory
    from zajil.services.notifications.unread_counts import UnreadCounts
    from zajil.services.notifications.user_push_rules import UserPushRules
    from zajil.services.rate_limits import RateLimits
    from zajil.services.rooms.room_heads import RoomHeads
    from zajil.services.search.index_messages import MessageIndex
    from zajil.services.signals.delivered import Delivered
    from zajil.services.signals.ephemeral import Ephemeral
    from zajil.services.signals.node_signals import NodeSignals
    from zajil.services.signals.presence import Presence
    from zajil.services.signals.typing import Typing
    from zajil.services.sync.lazy_members import LazyMembers
    from zajil.services.sync.notifier import Notifier
    from zajil.services.sync.turns import SyncTurns


@dataclass(slots=True)
class App:
    """One worker. Everything in it is either configuration or rebuilt from the database (invariant 3)."""

    config: Config
    db: Database
    stores: Stores
    clock: Clock
    randomness: Randomness
    signing_key: SigningKey
    old_signing_keys: tuple[OwnOldKey, ...]
    sign_event: Signer
    instance: str  # random name of this process, part of its sync tokens
    sessions: "Sessions" = field(init=False)
    rate_limits: "RateLimits" = field(init=False)
    ranks: Ranks = field(init=False)
    admission: Admission = field(init=False)
    new_rooms: "NewRooms" = field(init=False)
    invitations: "Invitations" = field(init=False)
    passwords: "Passwords" = field(init=False)
    interactive_auth: "InteractiveAuth" = field(init=False)
    device_hooks: "DeviceHooks" = field(init=False)
    erasures: "Erasures" = field(init=False)
    privacy: "PrivacyMemory" = field(init=False)
    account_tasks: "AccountTasks" = field(init=False)
    sightings: "Sightings" = field(init=False)
    device_memory: "DeviceMemory" = field(init=False)
    remote_devices: "RemoteDevices" = field(init=False)
    acknowledgements: "Acknowledgements" = field(init=False)
    rooms: "RoomHeads" = field(init=False)
    media: "MediaRepository" = field(init=False)
    outbound: OutboundHttp = field(init=False)
    federation: FederationTransport = field(init=False)
    server_keys: "ServerKeyring" = field(init=False)
    destinations: "Destinations" = field(init=False)
    server_rules: "ServerRules" = field(init=False)
    inbound_turns: "InboundTurns" = field(init=False)
    origin_budgets: "OriginBudgets" = field(init=False)
    room_turns: "RoomTurns" = field(init=False)
    policy_servers: "PolicyServers" = field(init=False)
    backfills: "Backfills" = field(init=False)
    partial_rooms: "PartialRooms" = field(init=False)
    slowed_senders: "SlowedSenders" = field(init=False)
    remote_spaces: "RemoteSpaces" = field(init=False)
    notifier: "Notifier" = field(init=False)
    ignored_users: "IgnoredUsers" = field(init=False)
    push_http: OutboundHttp = field(init=False)
    push_gateway: PushGateway = field(init=False)
    receipts: "ReceiptMemory" = field(init=False)
    unread_counts: "UnreadCounts" = field(init=False)
    push_rules: "UserPushRules" = field(init=False)
    lazy_members: "LazyMembers" = field(init=False)
    sync_turns: "SyncTurns" = field(init=False)
    node_signals: "NodeSignals" = field(init=False)
    ephemeral: "Ephemeral" = field(init=False)
    typing: "Typing" = field(init=False)
    presence: "Presence" = field(init=False)
    delivered: "Delivered" = field(init=False)
    message_index: "MessageIndex" = field(init=False)
    measurements: Measurements = field(default_factory=Measurements)
    gather_metrics: Callable[[], Awaitable[bytes]] | None = None
    """With several workers: the numbers of all of them, as Prometheus reads them."""
    status: StatusBoard = field(default_factory=StatusBoard)
    stopping: bool = False  # the worker is going: parked requests are answered now

    @property
    def server_name(self) -> str:
        return self.config.server_name
