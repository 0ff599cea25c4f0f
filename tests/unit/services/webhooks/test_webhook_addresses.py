"""Whom a webhook may call: the open Internet and what the settings name, whatever disguise the rest puts on."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingInvalid
from core.settings import OutgoingSettings
from services.webhooks.addresses import OutgoingRefused, Rules, check_address, open_addresses, parse_target

OPEN = Rules()
HERE = Rules(networks=(ip_network("127.0.0.0/8"),), ports=frozenset({443, 9000}), http_loopback=True)

CLOSED = (
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
)
NEIGHBOURS = (
    "9.255.255.255",
    "11.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "8.8.8.8",
)


@pytest.mark.parametrize("closed", CLOSED)
def test_an_address_that_is_not_of_the_open_internet_is_refused_in_every_form(closed: str) -> None:
    number = int(ip_address(closed))
    high, low = number >> 16, number & 0xFFFF
    forms = (
        closed,
        f"::ffff:{closed}",
        f"::ffff:{high:x}:{low:x}",
        f"64:ff9b::{closed}",
        f"64:ff9b:1::{closed}",
        f"2002:{high:x}:{low:x}::1",
        f"::{closed}",
        f"::ffff:0:{closed}",
        f"2001:0:{high:x}:{low:x}::1",
    )
    for form in forms:
        with pytest.raises(OutgoingRefused):
            check_address(ip_address(form), "https", OPEN)


@pytest.mark.parametrize("neighbour", NEIGHBOURS)
def test_its_neighbours_are_not(neighbour: str) -> None:
    forms = [neighbour, f"::ffff:{neighbour}", f"64:ff9b::{neighbour}"]
    assert open_addresses(forms, "https", OPEN) == [ip_address(form) for form in forms]


@pytest.mark.parametrize(
    "closed",
    ["::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1"],
)
def test_ipv6_of_no_open_network_is_refused(closed: str) -> None:
    with pytest.raises(OutgoingRefused):
        check_address(ip_address(closed), "https", OPEN)


def test_ipv6_of_the_open_internet_is_not() -> None:
    assert open_addresses(["2606:4700::1111"], "https", OPEN) == [ip_address("2606:4700::1111")]


def test_a_network_that_the_settings_name_may_be_called() -> None:
    rules = Rules.of(OutgoingSettings(outgoing_networks="10.20.0.0/16, fd12::/16"))
    for allowed in ("10.20.3.4", "::ffff:10.20.3.4", "fd12::5"):
        check_address(ip_address(allowed), "https", rules)
    for refused in ("10.21.0.1", "fd13::5", "127.0.0.1"):
        with pytest.raises(OutgoingRefused):
            check_address(ip_address(refused), "https", rules)
    with pytest.raises(SettingInvalid, match="VIGIE_OUTGOING_NETWORKS"):
        Rules.of(OutgoingSettings(outgoing_networks="10.20.0.1/16"))


def test_plain_http_is_for_this_machine_only_and_only_where_it_is_allowed() -> None:
    assert parse_target("http://127.0.0.1:9000/hook", HERE).scheme == "http"
    for url, rules in (
        ("http://8.8.8.8:443/", HERE),
        ("http://127.0.0.1:443/", OPEN),
        ("http://hook.example:443/", OPEN),
    ):
        with pytest.raises(OutgoingRefused):
            parse_target(url, rules)
    # A name is judged by the addresses that it stands for.
    with pytest.raises(OutgoingRefused):
        open_addresses(["8.8.8.8"], "http", HERE)


def test_a_url_is_taken_apart_once() -> None:
    target = parse_target("https://Hook.Example:8443/a/b?c=%2e#".rstrip("#"), OPEN)
    assert (target.scheme, target.host, target.port, target.path) == ("https", "hook.example", 8443, "/a/b?c=%2e")
    assert parse_target("https://hook.example", OPEN).path == "/"
    assert parse_target("https://[2606:4700::1111]/", OPEN).host == "2606:4700::1111"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook.example",
        "//hook.example/",
        "ftp://hook.example/",
        "file:///etc/passwd",
        "gopher://hook.example/",
        "https://",
        "https:///hook",
        "https://user@hook.example/",
        "https://user:word@hook.example/",
        "https://hook.example@127.0.0.1/",
        "https://127.0.0.1\\@hook.example/",
        "https://hook.example/#there",
        "https://hook.example:22/",
        "https://hook.example:80/",
        "https://hook.example:0/",
        "https://hook.example:99999/",
        "https://hook.example:port/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://hook_.example/",
        "https://-hook.example/",
        "https://hook..example/",
        "https://hôtel.example/",
        "https://hook.example/ or",
        "https://hook.example/\r\nHost: other",
        "https://hook.example/\t",
        "https://" + "a" * 2_000 + ".example/",
    ],
)
def test_what_is_no_plain_url_of_the_open_internet_is_refused(url: str) -> None:
    with pytest.raises(OutgoingRefused):
        parse_target(url, OPEN)


@given(st.text(max_size=60))
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}/hook"):
        try:
            target = parse_target(url, OPEN)
        except OutgoingRefused:
            continue
        assert target.scheme == "https"
        assert target.port in OPEN.ports
        assert target.path.startswith("/")


def test_a_name_that_leads_both_ways_is_refused() -> None:
    found = open_addresses(["8.8.8.8", "2606:4700::1111"], "https", OPEN)
    assert [str(one) for one in found] == ["8.8.8.8", "2606:4700::1111"]
    for second in ("10.0.0.1", "fe80::1%eth0", "::ffff:169.254.169.254"):
        with pytest.raises(OutgoingRefused):
            open_addresses(["8.8.8.8", second], "https", OPEN)
