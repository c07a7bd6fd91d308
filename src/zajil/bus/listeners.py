"""Who listens to which topic."""

import structlog

from zajil.ports.bus import Listener, Topic

log = structlog.get_logger(__name__)


class Listeners:
    """Calls them; what one raises harms nobody else."""

    def __init__(self) -> None:
        self._by_topic: dict[Topic, list[Listener]] = {topic: [] for topic in Topic}

    def add(self, topic: Topic, listener: Listener) -> None:
        self._by_topic[topic].append(listener)

    def call(self, topic: Topic, message: bytes) -> None:
        for listener in self._by_topic[topic]:
            try:
                listener(message)
            except Exception:
                log.exception("a listener of the bus failed", topic=topic)
