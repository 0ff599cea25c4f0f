"""Outgoing calls against servers that lie, hang, drip, pour, redirect and show the wrong certificate."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from core.errors import SettingInvalid
from core.settings import OutgoingSettings
from services.webhooks.addresses import OutgoingRefused
from services.webhooks.outgoing import Call, NoAnswer, Outgoing, resolved

pytestmark = pytest.mark.integration

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken"
Conversation = Callable[[socket.socket], None]


@dataclass
class Odd:
    """A server that does with each connection what a test says; ``asked`` is what it was sent."""

    port: int
    asked: list[bytes] = field(default_factory=list)


@contextmanager
def odd_server(says: Conversation, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[Odd]:
    """Run such a server; stopped at the end."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, 0), family=family)
    odd = Odd(listener.getsockname()[1])
    over = threading.Event()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            if over.is_set():
                connection.close()
                return
            # Whoever is refused leaves in the middle of a word.
            try:
                connection.settimeout(10)
                with tls.wrap_socket(connection, server_side=True) if tls else connection as speaking:
                    odd.asked.append(speaking.recv(65_536))
                    says(speaking)
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield odd
    finally:
        over.set()
        with closing(socket.create_connection((host, odd.port), timeout=5)):
            thread.join(30)
        listener.close()


def answering(answer: bytes) -> Conversation:
    return lambda connection: connection.sendall(answer)


def dripping(connection: socket.socket) -> None:
    """Send a header a letter at a time, for as long as anybody listens."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(200):
        connection.sendall(b"a")
        time.sleep(0.05)


def pouring(connection: socket.socket) -> None:
    """Send a body without an end, for as long as anybody listens."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
    for _ in range(100_000):
        connection.sendall(b"a" * 65_536)


def silent(connection: socket.socket) -> None:
    """Say nothing until the other has left."""
    connection.recv(1)


def outgoing(port: int, *found: str, **settings: object) -> Outgoing:
    """Return the way out to this machine, where every name stands for ``found``."""
    allowed = OutgoingSettings.model_validate(
        {"outgoing_networks": "127.0.0.0/8,::1/128", "outgoing_ports": str(port), "outgoing_http_loopback": True}
        | settings
    )
    return Outgoing(allowed, (lambda _host, _port: found) if found else resolved)


def test_what_is_answered_comes_back() -> None:
    with odd_server(answering(OK)) as odd:
        answered = outgoing(odd.port).call(Call(f"http://localhost:{odd.port}/a?b=c", "POST", {"X-One": "1"}, b"{}"))
    assert (answered.status, answered.body, answered.is_cut) == (200, b"taken", False)
    [asked] = odd.asked
    assert asked.startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert f"Host: localhost:{odd.port}\r\n".encode() in asked
    assert b"X-One: 1" in asked
    assert b"Content-Length: 2" in asked


def test_the_very_address_that_was_judged_is_called_whatever_the_name_says_next() -> None:
    asked: list[str] = []

    def fickle(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with odd_server(answering(OK)) as odd:
        way = Outgoing(
            OutgoingSettings(
                outgoing_networks="127.0.0.1/32", outgoing_ports=str(odd.port), outgoing_http_loopback=True
            ),
            fickle,
        )
        call = Call(f"http://hook.example:{odd.port}/")
        assert way.call(call).status == 200
        assert asked == ["hook.example"]
        with pytest.raises(OutgoingRefused, match=r"169\.254\.169\.254"):
            way.call(call)
    assert len(odd.asked) == 1
    assert f"Host: hook.example:{odd.port}".encode() in odd.asked[0]


@pytest.mark.parametrize(
    "found", [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::ffff:169.254.169.254"], ["64:ff9b::a00:1"], ["fe80::1%lo"]]
)
def test_a_name_that_stands_for_a_closed_address_is_not_called(found: list[str]) -> None:
    with odd_server(answering(OK)) as odd:
        with pytest.raises(OutgoingRefused):
            outgoing(odd.port, *found).call(Call(f"http://hook.example:{odd.port}/"))
        assert odd.asked == []


def test_without_the_setting_this_machine_is_not_called() -> None:
    with odd_server(answering(OK)) as odd:
        shut = Outgoing(OutgoingSettings(outgoing_ports=str(odd.port), outgoing_http_loopback=True))
        for host in ("localhost", "127.0.0.1", "[::1]", "127.1", "0x7f.1", "2130706433", "0177.0.0.1"):
            with pytest.raises(OutgoingRefused):
                shut.call(Call(f"http://{host}:{odd.port}/"))
        assert odd.asked == []


def test_the_second_address_is_tried_when_nobody_is_at_the_first() -> None:
    with odd_server(answering(OK)) as odd:
        assert outgoing(odd.port, "::1", "127.0.0.1").call(Call(f"http://hook.example:{odd.port}/")).status == 200


def test_ipv6_is_spoken() -> None:
    try:
        with odd_server(answering(OK), host="::1") as odd:
            assert outgoing(odd.port).call(Call(f"http://[::1]:{odd.port}/")).status == 200
            assert f"Host: [::1]:{odd.port}".encode() in odd.asked[0]
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")


def test_a_redirect_is_an_answer_and_nothing_is_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"
    with odd_server(answering(moved)) as odd:
        answered = outgoing(odd.port).call(Call(f"http://localhost:{odd.port}/"))
        assert (answered.status, answered.headers["location"]) == (302, "http://169.254.169.254/latest")
        assert len(odd.asked) == 1


@pytest.mark.parametrize("says", [dripping, silent])
def test_who_takes_too_long_is_left(says: Conversation) -> None:
    with odd_server(says) as odd, pytest.raises(NoAnswer):
        outgoing(odd.port).call(Call(f"http://localhost:{odd.port}/", s_max=0.4))


def test_an_answer_without_end_is_cut_and_not_unpacked() -> None:
    with odd_server(pouring) as odd:
        answered = outgoing(odd.port).call(Call(f"http://localhost:{odd.port}/", answer_bytes_max=1_000))
    assert (answered.status, answered.body, answered.is_cut) == (200, b"a" * 1_000, True)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000])
def test_what_is_no_http_is_no_answer(said: bytes) -> None:
    with odd_server(answering(said)) as odd, pytest.raises(NoAnswer):
        outgoing(odd.port).call(Call(f"http://localhost:{odd.port}/"))


def test_nobody_there_is_no_answer() -> None:
    with odd_server(answering(OK)) as odd:
        pass
    with pytest.raises(NoAnswer):
        outgoing(odd.port).call(Call(f"http://localhost:{odd.port}/"))
    with pytest.raises(NoAnswer, match="no address is known"):
        outgoing(odd.port).call(Call(f"http://nobody.invalid:{odd.port}/"))


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with odd_server(answering(OK)) as odd:
        assert outgoing(odd.port).call(Call(f"http://localhost:{odd.port}/")).status == 200


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate of its own authority for a name; return its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_the_certificate_must_be_the_name_s_and_of_a_known_authority(tmp_path: Path) -> None:
    file, key = certificate(tmp_path, "hook.example")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file, key)
    with odd_server(answering(OK), tls=tls) as odd:
        known = outgoing(odd.port, "127.0.0.1", outgoing_ca_file=file)
        assert known.call(Call(f"https://hook.example:{odd.port}/")).status == 200
        for way, host in ((known, "other.example"), (outgoing(odd.port, "127.0.0.1"), "hook.example")):
            with pytest.raises(NoAnswer, match="certificate verify failed"):
                way.call(Call(f"https://{host}:{odd.port}/"))
        assert len(odd.asked) == 1


def test_certificates_that_cannot_be_read_stop_the_process(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="VIGIE_OUTGOING_CA_FILE"):
        Outgoing(OutgoingSettings(outgoing_ca_file=tmp_path / "none.pem"))
