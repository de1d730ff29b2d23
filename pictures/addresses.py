"""Which addresses a picture may be fetched from: those of public machines, and nothing else.

Addresses of pictures are written by strangers. Whoever connects where they point can be made to
knock on doors behind the firewall: the router, a database, the cloud's metadata service.
"""

import ipaddress
import re

import httpx

from pictures.errors import PictureError, shorten

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# A well-formed name: dot-separated labels of at most 63 letters, digits, hyphens, underscores
# (RFC 1035; underscores occur in practice). Anything else confuses resolvers and TLS.
HOST_NAME = re.compile(
    r"(?!.{254})[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    r"(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?",
    re.IGNORECASE,
)

# `is_global` knows most of the IANA special-purpose registries, but less in older Pythons:
# multicast and 6to4 count as global there. These are refused whatever it says.
NEVER_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "224.0.0.0/4",  # multicast
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.88.99.0/24",  # relays of 6to4, withdrawn by RFC 7526
        "168.63.129.16/32",  # Azure's metadata and name service, public in looks only
        "2001::/23",  # protocol assignments; Teredo, which carries an IPv4 address inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # the only IPv6 space handed out to the public
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: how IPv6-only networks see IPv4

PORTS = range(1, 2**16)


def web_address(text: str) -> httpx.URL:
    """Read the address of a picture; whatever is wrong with it that needs no lookup is refused.

    Raises:
        PictureError: "refused address".
    """
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise PictureError("refused address", f"{shorten(text)} is no web address.") from error
    if url.scheme not in ("http", "https"):
        raise PictureError(
            "refused address", f"{shorten(text)} begins with neither http:// nor https://."
        )
    if url.userinfo:
        raise PictureError(
            "refused address", f"The address at {url.host} carries a user name; leave that out."
        )
    host = url.raw_host.decode("ascii")
    named = is_numeric(host) or HOST_NAME.fullmatch(host)
    if not named or not (url.port is None or url.port in PORTS):
        raise PictureError("refused address", f"{shorten(text)} names no possible machine.")
    return url.copy_with(fragment=None)


def is_allowed(text: str, *, allow_loopback: bool = False) -> bool:
    """Whether a numeric address may be connected to: public, looking through embedded IPv4.

    Args:
        text: An IPv4 or IPv6 address. Whatever does not read as one is not allowed.
        allow_loopback: Allow this machine's own loopback too; for tests.
    """
    try:
        address = _reached(ipaddress.ip_address(text))
    except ValueError:
        return False
    if address.is_loopback:
        return allow_loopback
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in NEVER_PUBLIC)


def _reached(address: Address) -> Address:
    """The IPv4 machine behind an IPv6 spelling of it, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_numeric(host: str) -> bool:
    """Whether a host is an address already, and no name to look up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
