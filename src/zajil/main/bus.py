"""Which bus the configuration means, and what wakes whom over it."""

from zajil.ports.bus import Bus, Topic
from zajil.ports.configuration import Config
from zajil.ports.database import Database

POSITION_DIGITS_MAX = 19


def open_bus(config: Config) -> Bus:
    """NATS if it is configured; otherwise a bus that carries nothing, as databases notice each other's commits by themselves."""
    if config.bus:
        from zajil.bus.nats import NatsBus  # its client takes time to import

        return NatsBus(config.bus, config.server_name)
    from zajil.bus.in_process import InProcessBus

    return InProcessBus()


def connect_log(db: Database, bus: Bus) -> None:
    """Tell other processes of this one's commits, and look at once when they tell of theirs."""

    def hear(message: bytes) -> None:
        if message.isdigit() and len(message) <= POSITION_DIGITS_MAX:
            db.notice(int(message))

    bus.subscribe(Topic.LOG, hear)
    db.subscribe(lambda position, _touches: bus.publish(Topic.LOG, b"%d" % position), lambda _position, _touches: None)
