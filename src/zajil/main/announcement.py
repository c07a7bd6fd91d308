"""What `zajil serve` prints when it is ready, and what the operator should know about this way of serving."""

import json
from collections.abc import Mapping

from zajil.main.console import say, warn
from zajil.ports.configuration import Config, build_url, is_loopback


def announce_ready(config: Config, ready: Mapping[str, str]) -> None:
    """Print where the server is and, as long as it has no account, how the administrator's is made."""
    say(f"Zajil is ready at {config.base_url}")
    if token := ready.get("setup_token"):
        local_url = build_url(*config.addresses[0], config.server_name, is_tls=config.is_tls)
        body = json.dumps(
            {
                "username": "admin",
                "password": "choose a long one",
                "auth": {"type": "m.login.registration_token", "token": token},
            }
        )
        say(
            "\nThere is no account yet. Make the administrator's with this link, which works once:\n\n"
            f"    {config.base_url}/#/register?token={token}\n\n"
            "or with one call:\n\n"
            f"    curl -X POST {local_url}/_matrix/client/v3/register \\\n      -d '{body}'\n"
        )
    for warning in build_warnings(config):
        warn(f"WARNING: {warning}")


def build_warnings(config: Config) -> list[str]:
    """What an operator should know about this way of serving."""
    exposed = [host for host, _ in config.addresses if not is_loopback(host)]
    is_https = config.is_tls or config.public_base_url.startswith("https://")
    warnings = []
    if exposed and not config.is_tls and not config.trusted_proxies:
        warnings.append(
            f"serving on {', '.join(exposed)} without TLS: browsers refuse encryption on such pages and passwords "
            "travel in the clear. Set tls_certificate and tls_key, or put a proxy with TLS in front and set "
            "trusted_proxies and public_base_url."
        )
    if config.trusted_proxies and not is_https:
        warnings.append("trusted_proxies is set but public_base_url is not an https:// URL; set it to what users open.")
    if config.push_allow_private_networks:
        warnings.append(
            "push_allow_private_networks is on: users can make this server call addresses inside its network."
        )
    return warnings
