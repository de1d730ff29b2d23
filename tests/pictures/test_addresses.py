import httpx
import pytest

from pictures.addresses import is_allowed, parse_address
from pictures.errors import PictureError


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "172.32.0.1",  # just beyond 172.16/12
        "100.128.0.1",  # just beyond the carriers' 100.64/10
        "2606:4700::1111",
        "2a00:1450:4001:80b::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound here
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::10.0.0.1",
        "100::1",
        "2001::1",
        "2001:0:808:808::f5ff:fffe",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "",
        "localhost",
        "127.1",
        "2130706433",
        "8.8.8.8 ",
        "08.8.8.8",
    ],
)
def test_every_other_address_is_rejected(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_allowed_where_a_test_allows_it(address: str) -> None:
    assert is_allowed(address, allow_loopback=True)


@pytest.mark.parametrize("address", ["0.0.0.1", "10.0.0.1", "169.254.169.254", "::", "fe80::1"])
def test_allowing_loopback_allows_nothing_else(address: str) -> None:
    assert not is_allowed(address, allow_loopback=True)


@pytest.mark.parametrize("base", [None, httpx.URL("http://shop.test/redirect")])
@pytest.mark.parametrize(
    "address",
    [
        "http://xn--a/p.jpg",
        "http://xn--5/[::1]/",
        "http\uda73://shop.test/",
        "http://shop.test/\udc80",
        "http://[:\u200d:\uff58\uff4e1]/",
        "http://[",
        "http://10\uff6107\uff611\uff611/",  # its host is 10.07.1.1 in ASCII
        "http://[fe80::5%25e][:\u200d]:7]/",
    ],
)
def test_an_address_that_cannot_be_decoded_is_refused(address: str, base: httpx.URL | None) -> None:
    with pytest.raises(PictureError) as caught:
        parse_address(address, base)
    assert caught.value.reason == "refused address"
