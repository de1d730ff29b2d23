"""Which addresses a picture may be fetched from: public machines only.

Addresses of pictures are untrusted. Without this check they allow server-side request forgery
(SSRF): requests to machines behind the firewall, to databases, to a cloud's metadata service.
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

# `is_global` covers most of the IANA special-purpose registries, fewer in older Pythons, where
# multicast and 6to4 count as global. These are rejected in any case.
NEVER_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "224.0.0.0/4",  # multicast
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.88.99.0/24",  # relays of 6to4, withdrawn by RFC 7526
        "168.63.129.16/32",  # Azure's metadata and name service, in a public range
        "2001::/23",  # protocol assignments; Teredo, which carries an IPv4 address inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # the only IPv6 space assigned to the public
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: IPv4 addresses in IPv6-only networks

PORTS = range(1, 2**16)


def parse_address(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """Parse the address of a picture, and check all that needs no lookup.

    Args:
        text: The address.
        base: Where it was found, if it is a redirect's and may be relative.

    Raises:
        PictureError: "refused address".
    """
    try:
        url = httpx.URL(text.strip()) if base is None else base.join(text.strip())
        name = url.host  # decodes punycode, which "xn--a" is not
        host = url.raw_host.decode("ascii")
        requested = url.copy_with(fragment=None)  # parses it anew, with its host in ASCII
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: of IDNA, Unicode, ipaddress
        raise _refused(f"{shorten(text)} is no web address.") from error
    if url.scheme not in ("http", "https"):
        raise _refused(f"{shorten(text)} begins with neither http:// nor https://.")
    if url.userinfo:
        raise _refused(f"The address at {name} contains a user name; leave that out.")
    valid_host = is_numeric(host) or HOST_NAME.fullmatch(host)
    if not valid_host or not (url.port is None or url.port in PORTS):
        raise _refused(f"{shorten(text)} has no valid host and port.")
    return requested


def _refused(sentence: str) -> PictureError:
    return PictureError("refused address", sentence)


def is_allowed(text: str, *, allow_loopback: bool = False) -> bool:
    """Whether a numeric address may be connected to: a public one, or IPv6 that embeds one.

    Args:
        text: An IPv4 or IPv6 address; anything else is not allowed.
        allow_loopback: Allow this machine's loopback too; for tests.
    """
    try:
        address = _embedded(ipaddress.ip_address(text))
    except ValueError:
        return False
    if address.is_loopback:
        return allow_loopback
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in NEVER_PUBLIC)


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address embeds, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_numeric(host: str) -> bool:
    """Whether a host is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
