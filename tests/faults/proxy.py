"""A TCP proxy that can delay data, cut every connection, or leave connections half open."""

import asyncio
import contextlib
from collections.abc import Callable

_CHUNK = 64 * 1024


class Proxy:
    """Forwards loopback connections to the port that ``target`` returns, in the event loop that started the proxy.

    ``delay_seconds`` delays each chunk. With ``refusing``, new connections are closed at once. ``swallow`` makes
    connections half open: the clients receive nothing more and no error, and the server sees the clients gone.
    """

    def __init__(self, target: Callable[[], int | None]) -> None:
        self.delay_seconds = 0.0
        self.refusing = False
        self._target = target
        self._server: asyncio.Server | None = None
        self._pairs: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self._swallowed: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Start to listen, and return the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self.port

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.refusing = True
        self.cut()
        for writer in self._swallowed:
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> int:
        """Reset every connection on both sides, and return their number."""
        pairs, self._pairs = self._pairs, {}
        for client, server in pairs.items():
            client.transport.abort()
            server.transport.abort()
        return len(pairs)

    def swallow(self) -> int:
        """Make every connection half open, and return their number."""
        pairs, self._pairs = self._pairs, {}
        self._swallowed |= set(pairs)
        for server in pairs.values():
            server.transport.abort()
        return len(pairs)

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        port = self._target()
        if self.refusing or port is None:
            client.transport.abort()
            return
        try:
            from_server, server = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            client.transport.abort()
            return
        self._pairs[client] = server
        await asyncio.gather(self._forward(reader, server, client), self._forward(from_server, client, client))

    async def _forward(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(_CHUNK):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if client in self._swallowed:
                    continue
                target.write(chunk)
                await target.drain()
        if client not in self._swallowed:
            self._pairs.pop(client, None)
            target.close()
