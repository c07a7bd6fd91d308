"""The counter of what is not in the log: typing, presence, delivered signals. It lives and dies with the process."""


class Ephemeral:
    """Counts changes; sync tokens carry it together with the process's name."""

    def __init__(self) -> None:
        self.counter = 0

    def next(self) -> int:
        self.counter += 1
        return self.counter
