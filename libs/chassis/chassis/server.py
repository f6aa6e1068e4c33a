"""Serves an app until SIGTERM or SIGINT, then finishes the running requests and returns."""

import asyncio
import gc
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from chassis.connections import protocol_of

KEEP_ALIVE_SECONDS = 75
"""Longer than clients and proxies use: the server must not be the side that closes an idle connection."""

GRACE_SECONDS = 25
"""How long running requests may take after the signal."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """Returns after a signal. uvicorn's own server raises the signal again after its stop, which kills the process."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._service = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # The objects loaded by now stay. Collections that scanned them held requests up for a tenth of a second.
        gc.collect()
        gc.freeze()
        # A batch makes tens of thousands of objects that are freed with it, and none is in a cycle. The search for
        # cycles took a tenth of a consumer's time.
        gc.set_threshold(50_000, 10, 10)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in _SIGNALS}

        def stop(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)
            # Long polls wait on this event too. The signal interrupts the loop between two of its steps.
            loop.call_soon_threadsafe(self._service.state.stopping.set)

        for number in _SIGNALS:
            signal.signal(number, stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Then accept no more, finish the running requests, shut the app down and return.

    Raises ``SystemExit`` if the server cannot start. ``app.state.stopping`` is set when the signal arrives, so that
    long polls can end.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        access_log=False,
        log_config=None,
        server_header=False,
        # The limits count by address, and a header that the client writes names any.
        proxy_headers=False,
        lifespan="on",
        http=cast(Any, protocol_of(app.state.settings.connection_limits)),
        # No route speaks WebSocket, and such a connection would escape the limits.
        ws="none",
    )
    _Server(config, app).run()
