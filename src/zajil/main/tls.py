"""Certificate files: do they load, fit together, name this server, and last."""

import datetime
import ssl
from pathlib import Path

from cryptography import x509

EXPIRY_WARNING_DAYS = 14


def check_certificate(certificate: Path, key: Path, host: str, now: datetime.datetime) -> list[str]:
    """What is wrong with a certificate, one sentence each with what to do; empty when all is well."""
    for path in (certificate, key):
        try:
            path.read_bytes()
        except OSError as error:
            return [f"{path} cannot be read ({error.strerror}): correct the path or its permissions."]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (ssl.SSLError, ValueError) as error:
        return [f"{certificate} and {key} are not a certificate and its key ({error}): check which files they are."]

    leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    problems = []
    left = leaf.not_valid_after_utc - now
    if left < datetime.timedelta(0):
        problems.append(f"{certificate} expired on {leaf.not_valid_after_utc:%Y-%m-%d}: renew it.")
    elif left < datetime.timedelta(days=EXPIRY_WARNING_DAYS):
        problems.append(f"{certificate} expires on {leaf.not_valid_after_utc:%Y-%m-%d}: renew it now.")
    if leaf.not_valid_before_utc > now:
        problems.append(f"{certificate} is valid only from {leaf.not_valid_before_utc:%Y-%m-%d}: check the clock.")
    if not names_host(leaf_names(leaf), host):
        problems.append(f"{certificate} does not name {host}: get a certificate for that name.")
    return problems


def leaf_names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def names_host(names: list[str], host: str) -> bool:
    """RFC 6125: the whole name, or a `*` as the whole leftmost label."""
    host = host.lower()
    parent = host.partition(".")[2]
    return any(name.lower() == host or (parent and name.lower() == f"*.{parent}") for name in names)
