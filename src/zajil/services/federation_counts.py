"""What this process counts of its dealings with other servers, for `/metrics`. How much waits for whom is in the database."""

from zajil.ports.stores.events import REJECTED, SOFT_FAILED, StoredEvent


class FederationCounts:
    """Everything counted since the start of the process."""

    def __init__(self) -> None:
        self.transactions = {"sent": 0, "failed": 0, "received": 0}
        """A failed one is sent again; until it arrives it counts as failed every time."""
        self.pdus = {"accepted": 0, "soft_failed": 0, "rejected": 0, "refused": 0}
        """Received in transactions. Refused are those that are none, or not signed: they are not kept."""
        self.key_fetches = {"found": 0, "failed": 0}
        """Questions for the signing keys of a server, to itself and then to notaries."""

        self.refused: dict[tuple[str, str], int] = {}
        """Requests over their server's budget: by kind, and by what there was too much of (rate, crowd)."""

    def note_refused(self, kind: str, reason: str) -> None:
        """A server has been told to come later."""
        self.refused[kind, reason] = self.refused.get((kind, reason), 0) + 1

    def note_pdu(self, stored: StoredEvent) -> None:
        """An event of another server has been stored."""
        flags = stored.flags
        self.pdus["rejected" if flags & REJECTED else "soft_failed" if flags & SOFT_FAILED else "accepted"] += 1

    def note_key_fetch(self, *, is_found: bool) -> None:
        self.key_fetches["found" if is_found else "failed"] += 1
