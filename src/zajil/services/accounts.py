"""The account services of one process, put together."""

from zajil.services.app import App
from zajil.services.device_hooks import DeviceHooks
from zajil.services.passwords import Passwords
from zajil.services.rate_limits import RateLimits
from zajil.services.sessions import Sessions
from zajil.services.user_interactive_auth import InteractiveAuth


def attach_accounts(app: App) -> None:
    """Give `app` its sessions, rate limits, passwords and interactive authentication."""
    app.sessions = Sessions(app)
    app.rate_limits = RateLimits(app.clock, is_on=app.config.rate_limits)
    app.passwords = Passwords()
    app.interactive_auth = InteractiveAuth(app)
    app.device_hooks = DeviceHooks()
