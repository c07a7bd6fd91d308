"""What each commit touched, for the process beside this one; without that every commit of the one would make the other forget all it knows.

Rows are written only while two processes serve side by side, which is during a handover: they cost each commit a page.
"""

from collections.abc import Sequence
from typing import cast

import apsw
import orjson

from zajil.ports.database import Touch
from zajil.storage.batch_transaction import merge_touches

COMMITS_KEPT = 4096
TOUCHES_MAX = 1000
"""What touches more is not written down: it may have changed anything."""


def write_touches(connection: apsw.Connection, commit: int, touches: Sequence[Touch]) -> None:
    """To be called in the transaction of the commit with this number."""
    distinct = list(dict.fromkeys(touches))
    if len(distinct) <= TOUCHES_MAX:
        connection.execute("INSERT INTO log_touches (commits, touches) VALUES (?, ?)", (commit, orjson.dumps(distinct)))
        connection.execute("DELETE FROM log_touches WHERE commits <= ?", (commit - COMMITS_KEPT,))


def read_touches(connection: apsw.Connection, since: int, until: int) -> list[Touch] | None:
    """What was touched by the commits after the one numbered `since`; None when one of them did not say."""
    rows = connection.execute(
        "SELECT touches FROM log_touches WHERE commits > ? AND commits <= ? LIMIT ?", (since, until, COMMITS_KEPT)
    ).fetchall()
    if len(rows) != until - since:
        return None
    return merge_touches(written for (written,) in cast(list[tuple[bytes]], rows))
