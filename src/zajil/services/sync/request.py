"""One client's question: what is new since this token?"""

from dataclasses import dataclass

from zajil.core.filters import SyncFilter
from zajil.core.sync_tokens import SyncToken
from zajil.services.requester import Requester


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """The parameters of GET /sync."""

    requester: Requester
    since: SyncToken | None
    filter: SyncFilter
    timeout_ms: int = 0
    full_state: bool = False
    authorised_at: int = 0
    """The position of the log at which the requester's session was known to be good."""
    state_key: bytes = b"state"
    """The name of the state section. With "state_after" (or its unstable name) it tells the state after the timeline."""

    @property
    def use_state_after(self) -> bool:
        return self.state_key != b"state"

    @property
    def user_id(self) -> str:
        return self.requester.user_id

    @property
    def device_key(self) -> tuple[str, str]:
        return self.requester.user_id, self.requester.device_id


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of the log that one answer covers: (since, up_to]. `since` is None for a first sync."""

    since: int | None
    up_to: int
    now_ms: int
    ephemeral_since: int
    """The ephemeral counter of the token, or -1 when it means nothing in this process."""
    ephemeral_up_to: int
    """The ephemeral counter when the window was opened; the next token carries it."""
