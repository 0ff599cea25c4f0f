"""A line between two of our processes that a test may cut, hold, or leave half-open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(eq=False)
class _Ends:
    """The two sockets of one forwarded connection. ``silent``: nothing passes any more, and nobody is told."""

    here: socket.socket
    there: socket.socket
    silent: bool = False

    def close(self) -> None:
        for one in (self.here, self.there):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@dataclass
class TcpLine:
    """Forwards a port of a loopback ``address`` to the port ``target``, until told otherwise."""

    target: int
    address: str = "127.0.0.1"
    _listener: socket.socket = field(init=False)
    _open: list[_Ends] = field(default_factory=list)
    _passes: threading.Event = field(default_factory=threading.Event)
    _swallows: bool = False
    swallowed: int = 0
    """How many connections were taken that lead nowhere."""

    def __post_init__(self) -> None:
        self._listener = socket.create_server((self.address, 0))
        self._passes.set()

    @property
    def port(self) -> int:
        """Where to connect to."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """Close every connection there is; new ones are served."""
        for ends in self._open:
            ends.close()
        self._open.clear()

    def lose(self) -> None:
        """Leave every connection there is half-open: nothing passes any more, nobody is told; new ones are served."""
        for ends in self._open:
            ends.silent = True

    def hold(self) -> None:
        """Let nothing pass, and no new connection through, until `release`."""
        self._passes.clear()

    def swallow(self) -> None:
        """Take new connections and never say a word on them, until `release`; after it they stay as they are."""
        self._swallows = True

    def release(self) -> None:
        """Let everything pass again, what was held included."""
        self._swallows = False
        self._passes.set()

    def end(self) -> None:
        """Close everything."""
        self._passes.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def run(self) -> None:
        """Serve connections until the end."""
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                self._passes.wait()
                if self._swallows:
                    self._open.append(_Ends(here, here, silent=True))
                    self.swallowed += 1
                else:
                    self._connect(here)

    def _connect(self, here: socket.socket) -> None:
        try:
            there = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            here.close()
            return
        there.settimeout(None)
        ends = _Ends(here, there)
        self._open.append(ends)
        for source, sink in ((here, there), (there, here)):
            threading.Thread(target=self._forward, args=(ends, source, sink), daemon=True).start()

    def _forward(self, ends: _Ends, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(65_536):
                self._passes.wait()
                if not ends.silent:
                    sink.sendall(block)
        if not ends.silent:
            ends.close()


@contextmanager
def line_to(port: int, address: str = "127.0.0.1") -> Iterator[TcpLine]:
    """Give a line to this port, served from threads of its own."""
    line = TcpLine(port, address)
    thread = threading.Thread(target=line.run, name="tcp-line")
    thread.start()
    try:
        yield line
    finally:
        line.end()
        thread.join()
