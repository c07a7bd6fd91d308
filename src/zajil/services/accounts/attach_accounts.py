"""The account services of one process, put together."""

from zajil.services.accounts.device_hooks import DeviceHooks
from zajil.services.accounts.note_sightings import Sightings
from zajil.services.accounts.passwords import Passwords
from zajil.services.accounts.privacy_settings import PrivacyMemory
from zajil.services.accounts.run_account_tasks import AccountTasks
from zajil.services.accounts.sessions import Sessions
from zajil.services.accounts.user_interactive_auth import InteractiveAuth
from zajil.services.admission.overload_control import attach_overload_control
from zajil.services.app import App
from zajil.services.messages.hide_erased import Erasures
from zajil.services.rate_limits import RateLimits


def attach_accounts(app: App) -> None:
    """Give `app` its sessions, rate limits, passwords, interactive authentication and background work on accounts."""
    app.sessions = Sessions(app)
    app.rate_limits = RateLimits(app.clock, is_on=app.config.rate_limits)
    attach_overload_control(app)
    app.passwords = Passwords()
    app.interactive_auth = InteractiveAuth(app)
    app.device_hooks = DeviceHooks()
    app.erasures = Erasures(app.db, app.stores)
    app.privacy = PrivacyMemory(app.db, app.stores)
    app.account_tasks = AccountTasks(app)
    app.sightings = Sightings(app)


def start_accounts(app: App) -> None:
    """Begin the background work; needs a running loop."""
    app.account_tasks.start()
    app.sightings.start()


async def stop_accounts(app: App) -> None:
    """End it, before the database closes."""
    await app.account_tasks.stop()
    await app.sightings.stop()
    app.passwords.close()
