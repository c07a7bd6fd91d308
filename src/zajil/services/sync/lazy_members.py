"""Lazy-loaded members: which member events a device has been sent already (client-server API, "Lazy-loading room members").

A memory, not a promise: a process that does not remember sends a member event again, which clients take in their stride.
"""

from collections import OrderedDict

DEVICES_MAX = 10_000
ROOMS_PER_DEVICE_MAX = 500
MEMBERS_PER_ROOM_MAX = 200


Sent = dict[str, tuple[int, int]]
"""By user ID: the number of the member event that was sent, and the position of the log then. A device whose token has not passed
that position may never have got the answer."""


class LazyMembers:
    """What each device was sent, by room."""

    def __init__(self) -> None:
        self._devices: OrderedDict[tuple[str, str], OrderedDict[str, Sent]] = OrderedDict()

    def forget_device(self, device: tuple[str, str]) -> None:
        """The device starts anew (a first sync)."""
        self._devices.pop(device, None)

    def forget_room(self, device: tuple[str, str], room_id: str) -> None:
        """The device joins the room anew: it may have dropped what it knew when it left."""
        rooms = self._devices.get(device)
        if rooms is not None:
            rooms.pop(room_id, None)

    def sent(self, device: tuple[str, str], room_id: str) -> Sent:
        """What the device has of a room's members; the caller adds what it sends."""
        rooms = self._devices.get(device)
        if rooms is None:
            rooms = self._devices[device] = OrderedDict()
            if len(self._devices) > DEVICES_MAX:
                self._devices.popitem(last=False)
        members = rooms.get(room_id)
        if members is None:
            members = rooms[room_id] = {}
            if len(rooms) > ROOMS_PER_DEVICE_MAX:
                rooms.popitem(last=False)
        elif len(members) > MEMBERS_PER_ROOM_MAX:
            members.clear()
        return members
