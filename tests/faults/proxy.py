"""A TCP proxy that does to a link what networks do: cuts it, swallows, delays, lets drip, resets.

`start(host, port)` gives a proxy that passes everything on; `mode(…)` changes what it does, for the connections that
are open too. It runs in a thread of its own, and closes with its `with` block or by `close()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
import types
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from tests.servers.process import free_port

Result = TypeVar("Result")

#: What each mode takes besides its name, with what is taken where nothing is said.
MODES: dict[str, dict[str, float]] = {
    # Everything goes through at once.
    "pass": {},
    # Open connections are reset, new ones refused.
    "cut": {},
    # Nothing goes through, in neither direction; nobody is told. New connections are accepted, and that is all. What
    # was sent goes through later, unless its connection was given up.
    "black hole": {},
    # Connections that are open now are a black hole for good, new ones pass: a firewall that has forgotten them.
    "forgotten": {},
    # Each byte comes `seconds` late, in each direction.
    "latency": {"seconds": 0.3},
    # So many bytes a second, in each direction.
    "trickle": {"bytes_per_second": 1},
    # Every connection is reset after a random time of `seconds` in the mean.
    "resets": {"seconds": 1.0},
}
_PIECE = 64 << 10
#: Pieces that are on their way through a connection, one direction.
_PIECES = 64


class Proxy:
    """One link. Attributes: `port`, on 127.0.0.1; `connections`, how many were accepted so far."""

    def __init__(self, host: str, port: int, *, seed: int = 1) -> None:
        self.target = (host, port)
        self.port = free_port()
        self.connections = 0
        self._mode, self._number = "pass", 0.0
        self._random = random.Random(seed)
        self._generation = 0
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        # Bound and not listening: nobody else gets the port while the link is cut.
        self._holder = self._bound()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {self.port}", daemon=True)
        self._thread.start()
        self._do(self._listen())

    def mode(self, name: str, **number: float) -> None:
        """From now on; see `MODES` for names and numbers."""
        if set(number) - set(MODES[name]):
            raise TypeError(f"{name} takes {list(MODES[name])}, not {list(number)}")
        self._do(self._change(name, next(iter({**MODES[name], **number}.values()), 0.0)))

    def close(self) -> None:
        """Ends every connection and the thread."""
        if self._loop.is_closed():
            return
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    # -- in the thread

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def _bound(self) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("127.0.0.1", self.port))
        return made

    async def _listen(self) -> None:
        self._changed = asyncio.Event()
        self._listener = await asyncio.start_server(self._accepted, sock=self._bound(), limit=_PIECE)

    async def _change(self, name: str, number: float) -> None:
        self._mode, self._number = name, number
        if name == "forgotten":
            self._generation += 1
        self._changed.set()
        if name == "cut":
            await self._end()
        elif self._listener is None:
            await self._listen()
        self._changed = asyncio.Event()
        if name == "resets":
            for link in self._links:
                self._reset_later(link)

    async def _end(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for link in list(self._links):
            link.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = _Link(self, self._generation, writer)
        self._links.add(link)
        try:
            await link.passage()
            await link.run(reader)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            link.reset()
            self._links.discard(link)
            self._tasks.discard(task)

    def _reset_later(self, link: _Link) -> None:
        def reset() -> None:
            if self._mode == "resets":
                link.reset()

        self._loop.call_later(self._random.expovariate(1 / self._number), reset)

    async def wait(self, seconds: float | None) -> None:
        """Until the mode changes, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)


class _Link:
    """One connection through the proxy, of two sockets."""

    def __init__(self, proxy: Proxy, generation: int, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._generation = generation
        self._writers = [client]
        if proxy._mode == "resets":
            proxy._reset_later(self)

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Passes on until one side has ended."""
        answers, writer = await asyncio.open_connection(*self._proxy.target, limit=_PIECE)
        self._writers.append(writer)
        pumps = [
            asyncio.ensure_future(work)
            for source, sink in ((reader, writer), (answers, self._writers[0]))
            for work in self._pump(source, sink)
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    def reset(self) -> None:
        """Ends both sockets by RST where something is left to send or to read."""
        for writer in self._writers:
            if not writer.is_closing():
                made = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def passage(self) -> None:
        """Waits while nothing goes through."""
        while self._proxy._mode in ("black hole", "cut") or self._generation < self._proxy._generation:
            await self._proxy.wait(None)

    def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> tuple[Coroutine[Any, Any, None], Coroutine[Any, Any, None]]:
        """One direction: what reads and what writes, with what is on its way between them."""
        underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES)

        async def read() -> None:
            clock = asyncio.get_running_loop().time
            while piece := await source.read(_PIECE):
                await underway.put((clock(), piece))
            await underway.put((clock(), b""))
            await asyncio.Event().wait()  # the writer ends the connection, once all has gone through

        async def write() -> None:
            while True:
                arrived, piece = await underway.get()
                await self._delay(arrived)
                if not piece:
                    sink.close()
                    await sink.wait_closed()
                    return
                await self._send(sink, piece)

        return read(), write()

    async def _delay(self, arrived: float) -> None:
        await self.passage()
        clock = asyncio.get_running_loop().time
        while self._proxy._mode == "latency" and (left := arrived + self._proxy._number - clock()) > 0:
            await self._proxy.wait(left)
            await self.passage()

    async def _send(self, sink: asyncio.StreamWriter, piece: bytes) -> None:
        while piece:
            await self.passage()
            size = len(piece)
            if self._proxy._mode == "trickle":
                size = max(1, int(self._proxy._number / 10))
                await self._proxy.wait(size / self._proxy._number)
                await self.passage()
            sink.write(piece[:size])
            await sink.drain()
            piece = piece[size:]


def start(host: str, port: int, *, seed: int = 1) -> Proxy:
    """A proxy before `host:port`, on a free port of 127.0.0.1; the target need not listen yet."""
    return Proxy(host, port, seed=seed)
