"""Which IP addresses may be connected to: those that belong to the public internet, and those an operator allows."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IpNetwork = IPv4Network | IPv6Network


class AddressRefused(OSError):
    """The address is none we connect to."""


# IANA's special-purpose registries. Python's own `is_global` has changed its mind between patch versions.
REFUSED_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
GLOBAL_IPV6 = IPv6Network("2000::/3")
# Within 2000::/3: protocol assignments with Teredo, documentation (two ranges), 6to4, AS112.
REFUSED_IPV6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")))
# Ranges whose last 32 bits are an IPv4 address that the packet ends up at.
MAPPED = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is routed on the public internet, looking through IPv4-mapped and NAT64 addresses."""
    if isinstance(address, IPv6Address):
        if address in MAPPED or address in NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        return address in GLOBAL_IPV6 and not any(address in network for network in REFUSED_IPV6)
    return not any(address in network for network in REFUSED_IPV4)


def is_allowed(text: str, allowed_networks: Sequence[IpNetwork]) -> bool:
    """Whether to connect to an address, given as text, possibly with a zone (`fe80::1%eth0`)."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    known_as = (address, mapped) if mapped is not None else (address,)
    return is_public(address) or any(each in network for each in known_as for network in allowed_networks)


def check_address(text: str, allowed_networks: Sequence[IpNetwork]) -> None:
    """Raises AddressRefused for an address that is not to be connected to."""
    if not is_allowed(text, allowed_networks):
        raise AddressRefused(f"{text} is not a public address")
