"""What every engine checks of a value before it goes into a statement."""

from collections.abc import Sequence

from zajil.ports.database import UnfitValue, Value


def check_texts(args: Sequence[Value]) -> None:
    """SQLite stores NUL in a text but compares and shows it in surprising ways, and PostgreSQL refuses it: so does this."""
    for value in args:
        if value.__class__ is str and "\0" in value:
            raise UnfitValue("a text contains NUL")
