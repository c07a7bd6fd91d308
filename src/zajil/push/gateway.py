"""Our own push gateway: it turns notifications for the web client into Web Push (Push Gateway API)."""

import asyncio
from typing import Any, Final

import orjson

from zajil.push.vapid import Vapid
from zajil.push.web_push import Outcome, Subscription, build_payload, parse_subscription, send_web_push
from zajil.services.app import App
from zajil.services.errors import bad_json, missing_param
from zajil.services.notifications.set_pusher import WEB_APP_ID

DEVICES_MAX: Final = 100
ID_CHARACTERS_MAX: Final = 255


class WebPushGateway:
    """`ports.push_gateway.PushGateway`: takes what homeservers, ours and others, have for the web client's users."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._vapid = Vapid(app)

    async def load_public_key(self) -> str:
        return await self._vapid.load_public_key()

    async def notify(self, body: dict[str, Any]) -> list[str] | None:
        notification = body.get("notification")
        if not isinstance(notification, dict):
            raise missing_param("notification must be an object.")
        devices = notification.get("devices")
        if not isinstance(devices, list) or len(devices) > DEVICES_MAX:
            raise bad_json(f"notification.devices must be a list of at most {DEVICES_MAX} devices.")
        rejected: list[str] = []
        subscriptions: list[tuple[str, Subscription]] = []
        for device in devices:
            if not isinstance(device, dict) or not isinstance(device.get("pushkey"), str):
                raise bad_json("A device needs a pushkey.")
            subscription = self._parse_device(device)
            if subscription is None:
                rejected.append(device["pushkey"])
            else:
                subscriptions.append((device["pushkey"], subscription))
        if not _is_about_event(notification):
            return rejected  # browsers must show something for every push, and there is nothing to show
        outcomes = await asyncio.gather(*(self._send(notification, each) for _, each in subscriptions))
        gone = [key for (key, _), outcome in zip(subscriptions, outcomes, strict=True) if outcome is Outcome.GONE]
        return None if Outcome.LATER in outcomes else [*rejected, *gone]

    def _parse_device(self, device: dict[str, Any]) -> Subscription | None:
        if device.get("app_id") != WEB_APP_ID:
            return None
        insecure = self._app.config.push_allow_private_networks
        return parse_subscription(device["pushkey"], device.get("data"), insecure=insecure)

    async def _send(self, notification: dict[str, Any], subscription: Subscription) -> Outcome:
        return await send_web_push(
            self._app,
            self._vapid,
            subscription,
            orjson.dumps(build_payload(notification)),
            topic=notification["room_id"],
            urgent=notification.get("prio") != "low",
        )


def _is_about_event(notification: dict[str, Any]) -> bool:
    ids = [notification.get("event_id"), notification.get("room_id")]
    return all(isinstance(each, str) and 0 < len(each) <= ID_CHARACTERS_MAX for each in ids)
