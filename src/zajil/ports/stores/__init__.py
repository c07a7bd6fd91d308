"""What the services ask of storage, one Protocol per subject. Every method takes the reader or the transaction it runs in."""

from dataclasses import dataclass

from zajil.ports.stores.account_data import AccountDataStore, FilterStore
from zajil.ports.stores.accounts import AccountStore
from zajil.ports.stores.device_keys import DeviceKeyStore
from zajil.ports.stores.device_lists import DeviceListStore
from zajil.ports.stores.devices import DeviceStore
from zajil.ports.stores.directory import DirectoryStore
from zajil.ports.stores.events import EventStore
from zajil.ports.stores.federation_queue import FederationQueueStore
from zajil.ports.stores.incidents import IncidentStore
from zajil.ports.stores.invite_links import InviteLinkStore
from zajil.ports.stores.key_backups import KeyBackupStore
from zajil.ports.stores.media import MediaRows
from zajil.ports.stores.partial_rooms import PartialRoomStore
from zajil.ports.stores.profiles import ProfileStore
from zajil.ports.stores.pushers import PusherStore
from zajil.ports.stores.receipts import PushRuleStore, ReceiptStore
from zajil.ports.stores.relations import RelationStore
from zajil.ports.stores.reports import ReportStore
from zajil.ports.stores.rooms import RoomStore
from zajil.ports.stores.search import SearchStore
from zajil.ports.stores.server_keys import ServerKeyStore
from zajil.ports.stores.signals import SignalStore
from zajil.ports.stores.to_device import ToDeviceStore


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores, as composition hands them to the services."""

    events: EventStore
    relations: RelationStore
    rooms: RoomStore
    accounts: AccountStore
    devices: DeviceStore
    device_keys: DeviceKeyStore
    device_lists: DeviceListStore
    key_backups: KeyBackupStore
    to_device: ToDeviceStore
    media: MediaRows
    account_data: AccountDataStore
    filters: FilterStore
    profiles: ProfileStore
    reports: ReportStore
    directory: DirectoryStore
    invite_links: InviteLinkStore
    receipts: ReceiptStore
    push_rules: PushRuleStore
    pushers: PusherStore
    signals: SignalStore
    search: SearchStore
    incidents: IncidentStore
    server_keys: ServerKeyStore
    federation_queue: FederationQueueStore
    partial_rooms: PartialRoomStore
