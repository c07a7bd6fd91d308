"""Users' push rules, ready for evaluation. Users with the same customisation share one compiled set."""

from typing import Final

from zajil.core.push_rules_evaluation import CompiledRules, compile_rules
from zajil.ports.database import Read
from zajil.services.app import App

USERS_REMEMBERED_MAX: Final = 200_000


class UserPushRules:
    """This process's memory of who has which rules."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: dict[str, CompiledRules] = {}
        self._generation = 0
        app.notifier.foreign.append(self.forget_all)

    def forget_all(self) -> None:
        self._generation += 1
        self._known.clear()

    def forget(self, user_id: str) -> None:
        """The user's rules have changed."""
        self._generation += 1
        self._known.pop(user_id, None)

    async def load(self, tx: Read, user_id: str) -> CompiledRules:
        """The user's rules."""
        rules = self._known.get(user_id)
        if rules is None:
            generation = self._generation
            rules = compile_rules(await self._app.stores.push_rules.load(tx, user_id))
            if generation == self._generation:
                if len(self._known) >= USERS_REMEMBERED_MAX:
                    del self._known[next(iter(self._known))]
                self._known[user_id] = rules
        return rules
