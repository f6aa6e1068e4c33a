"""Slow, endless and too many connections over real sockets. Each test waits for the end of a connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import pytest
import uvicorn
from chassis.connections import MAX_HEAD_BYTES, ConnectionLimits, protocol_of
from prometheus_client import REGISTRY
from uvicorn.server import ServerState

PATIENT = ConnectionLimits(head_seconds=600, body_window_seconds=600, answer_seconds=600)
HASTY_HEAD = ConnectionLimits(head_seconds=0.5, body_window_seconds=600)
HASTY_BODY = ConnectionLimits(head_seconds=600, body_window_seconds=0.5)
GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: here\r\n"
App = Callable[[Any, Any, Any], Awaitable[None]]


class Client(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send_for_ever(self, piece: bytes) -> None:
        """Send until the server ends the connection."""
        with suppress(ConnectionError):
            while not self.reader.at_eof():
                await self.send(piece)
                await asyncio.sleep(0.001)

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        read = b""
        with suppress(ConnectionError):
            while piece := await self.reader.read(65536):
                read += piece
        return read


async def count_body(_: Any, receive: Any, send: Any) -> None:
    """Answer with the length of the body, or not at all where the client has gone."""
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message.get("more_body", False)
    await answer(send, str(length).encode())


async def answer(send: Any, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(limits: ConnectionLimits, app: App = count_body) -> AsyncIterator[Callable[[], Awaitable[Client]]]:
    config = uvicorn.Config(app, ws="none", log_config=None)
    config.load()
    make, state = protocol_of(limits), ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: make(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    clients: list[Client] = []

    async def connect() -> Client:
        client = Client(*await asyncio.open_connection(*server.sockets[0].getsockname(), limit=2**24))
        clients.append(client)
        return client

    try:
        async with asyncio.timeout(240):
            yield connect
    finally:
        for client in clients:
            client.writer.close()
        server.close()


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("http_refused_total", {"reason": reason}) or 0


async def test_a_connection_that_sends_nothing_ends() -> None:
    async with serving(HASTY_HEAD) as connect:
        client = await connect()
        assert await client.rest() == b""


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: a", b"\r\n\r\n"])
async def test_half_a_head_ends(sent: bytes) -> None:
    before = refused("slow_head")
    async with serving(HASTY_HEAD) as connect:
        client = await connect()
        await client.send(sent)
        read = await client.rest()
    assert read.startswith(b"HTTP/1.1 408 ")
    assert b"head-too-slow" in read
    assert refused("slow_head") == before + 1


@pytest.mark.parametrize("drip", [b"X-More: a\r\n", b"\r\n"])
async def test_a_head_that_drips_ends(drip: bytes) -> None:
    async with serving(HASTY_HEAD) as connect:
        client = await connect()
        await client.send(GET)
        assert await client.answer() == (200, b"0")
        if drip != b"\r\n":
            await client.send(b"GET / HTTP/1.1\r\nHost: here\r\n")
        await client.send_for_ever(drip)


async def test_a_request_that_came_in_time_may_take_long() -> None:
    may_end = asyncio.Event()

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await may_end.wait()
        await count_body(scope, receive, send)

    async with serving(HASTY_HEAD, late) as connect:
        idle, client = await connect(), await connect()
        await client.send(GET)
        assert await idle.rest() == b"", "more than the time for a head has passed"
        may_end.set()
        assert await client.answer() == (200, b"0")


async def test_a_body_that_stops_ends_and_the_service_learns_of_it() -> None:
    gone = asyncio.Event()

    async def body_read(_: Any, receive: Any, __: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    async with serving(HASTY_BODY, body_read) as connect:
        client = await connect()
        await client.send(POST + b"Content-Length: 1000\r\n\r\n" + b"x" * 100)
        read = await client.rest()
        await gone.wait()
    assert read.startswith(b"HTTP/1.1 408 ")
    assert b"body-too-slow" in read


@pytest.mark.parametrize("framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
async def test_a_body_that_drips_ends(framing: bytes) -> None:
    async with serving(HASTY_BODY) as connect:
        client = await connect()
        await client.send(POST + framing + b"\r\n\r\n")
        await client.send_for_ever(b"1\r\nx\r\n" if b"chunked" in framing else b"x")


async def test_a_body_whose_request_was_answered_already_ends_too() -> None:
    async def at_once(_: Any, __: Any, send: Any) -> None:
        await answer(send, b"no")

    async with serving(HASTY_BODY, at_once) as connect:
        client = await connect()
        await client.send(POST + b"Content-Length: 1000\r\n\r\nx")
        assert await client.answer() == (200, b"no")
        assert await client.rest() == b"", "no second answer"


async def test_a_fast_body_in_many_pieces_arrives() -> None:
    async with serving(PATIENT) as connect:
        client = await connect()
        await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(200):
            await client.send(b"1\r\nx\r\n2710\r\n" + b"y" * 10_000 + b"\r\n")
        await client.send(b"0\r\n\r\n")
        assert await client.answer() == (200, b"2000200")
        await client.send(POST + b"Content-Length: 3\r\n\r\nabc" + GET)
        assert await client.answer() == (200, b"3")
        assert await client.answer() == (200, b"0")


async def test_while_the_service_reads_slowly_no_body_is_too_slow() -> None:
    may_read, windows = asyncio.Event(), ConnectionLimits(body_window_seconds=0.05, head_seconds=600)

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await may_read.wait()
        await count_body(scope, receive, send)

    async with serving(windows, late) as connect:
        client, stopped = await connect(), await connect()
        sending = asyncio.create_task(client.send(POST + b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000))
        await stopped.send(POST + b"Content-Length: 2\r\n\r\nx")
        assert (await stopped.rest()).startswith(b"HTTP/1.1 408 "), "more than a window has passed"
        may_read.set()
        assert await client.answer() == (200, b"900000")
        await sending


async def test_an_answer_that_is_not_read_ends() -> None:
    ended = asyncio.Event()

    async def endless(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _piece in range(10_000):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        ended.set()

    before = refused("slow_reader")
    async with serving(ConnectionLimits(answer_seconds=0.2), endless) as connect:
        client = await connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET)
        await ended.wait()
    assert refused("slow_reader") == before + 1


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"a" * 1000,
        GET[:-2] + b"X-Long: " + b"a" * 1000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 1000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: " + b"a" * 1000,
        POST + b"Content-Length: 1\r\n\r\nx" + b"\r\n" * 500,
    ],
    ids=["path", "header", "chunk", "trailer", "blank lines"],
)
async def test_a_head_without_end_ends(endless: bytes) -> None:
    before = refused("head_too_long")
    async with serving(PATIENT) as connect:
        client = await connect()
        await client.send(endless)
        await client.send_for_ever((b"\r\n" if endless.endswith(b"\n") else b"a") * 1000)
    assert refused("head_too_long") == before + 1


async def test_a_head_may_be_so_long_and_no_longer() -> None:
    beginning = GET[:-2] + b"X-Long: "
    fitting_pieces = (MAX_HEAD_BYTES - len(beginning) - 4) // 100
    async with serving(PATIENT) as connect:
        client = await connect()
        for pieces, status in ((fitting_pieces, 200), (fitting_pieces + 2, 431)):
            await client.send(beginning)
            for _ in range(pieces):
                await client.send(b"a" * 100)
                await asyncio.sleep(0)
            if status == 200:
                await client.send(b"\r\n\r\n")
            assert (await client.answer())[0] == status


async def test_what_is_not_http_gets_a_problem() -> None:
    async with serving(PATIENT) as connect:
        for sent in (b"NONSENSE\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"):
            client = await connect()
            await client.send(sent)
            read = await client.rest()
            assert read.startswith(b"HTTP/1.1 400 ")
            assert b"malformed-http" in read
            assert b"nosniff" in read


async def test_one_address_has_so_many_connections_and_no_more() -> None:
    async with serving(ConnectionLimits(per_address=2)) as connect:
        first, second, third = [await connect() for _ in range(3)]
        await third.send(GET)
        status, body = await third.answer()
        assert (status, b"too-many-connections" in body) == (503, True)
        assert await third.rest() == b""
        for client in (first, second):
            await client.send(GET)
            assert await client.answer() == (200, b"0")
        first.writer.close()
        await first.writer.wait_closed()
        await second.send(GET)
        await second.answer()
        fourth = await connect()
        await fourth.send(GET)
        assert await fourth.answer() == (200, b"0")


async def test_above_twice_its_number_or_the_number_of_all_a_connection_ends_at_once() -> None:
    for limits in (ConnectionLimits(per_address=1), ConnectionLimits(all=2)):
        async with serving(limits) as connect:
            kept = [await connect() for _ in range(2)]
            assert await (await connect()).rest() == b""
            assert not any(client.reader.at_eof() for client in kept)


async def test_a_websocket_stays_within_the_limits() -> None:
    asked = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    async with serving(HASTY_HEAD) as connect:
        client = await connect()
        await client.send(GET[:-2] + asked + b"Sec-WebSocket-Version: 13\r\n\r\n")
        assert (await client.answer())[0] == 200, "an ordinary answer"
