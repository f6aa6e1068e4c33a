"""Content is loaded again when it changes, holds for a bounded time when it cannot be loaded, and then no more."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from chassis.metrics import Task
from chassis.problems import Unavailable
from chassis.trust import watched
from chassis.trust.watched import CannotLoad, Read, Watched
from prometheus_client import REGISTRY
from recobro_events import beside

SLOW = 3600.0
TASK = Task("number")


class Origin:
    """A source whose content a test changes. Reads wait until ``gate`` is set."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.reads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.now = 1000.0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Read]:
        async def read() -> bytes:
            self.reads += 1
            await self.gate.wait()
            if isinstance(self.content, Exception):
                raise self.content
            return self.content

        yield read

    def watched(self, every_seconds: float = SLOW, max_age_seconds: float = 100.0) -> Watched[int]:
        return Watched(
            "The number",
            self,
            number_in,
            TASK,
            every_seconds=every_seconds,
            max_age_seconds=max_age_seconds,
            clock=lambda: self.now,
        )


def number_in(content: bytes) -> int:
    try:
        return int(content)
    except ValueError:
        raise ValueError("it is no number") from None


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(240):
        while not true():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


async def test_content_is_loaded_before_the_block_and_again_during_it() -> None:
    origin = Origin(b"1")
    number = origin.watched(every_seconds=0.001)
    async with number.opened(), beside(number.load_for_ever(), "loading"):
        assert number.value == 1
        origin.content = b"2"
        await until(lambda: number.value == 2)


async def test_content_that_cannot_be_loaded_holds_for_a_bounded_time() -> None:
    origin = Origin(b"1")
    number = origin.watched()
    async with number.opened():
        origin.content = CannotLoad("the disk has gone")
        origin.now += 90
        await number.load_early()
        assert (number.value, number.usable) == (1, True)
        assert number.trouble == "The number cannot be loaded: the disk has gone"
        origin.now += 11
        assert not number.usable
        with pytest.raises(Unavailable, match="keys-unavailable"):
            _ = number.value
        origin.content = b"3"
        await number.load_early()
        assert number.value == 3
        assert number.trouble is None


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"task": "number"} | labels) or 0.0


async def test_a_metric_says_when_content_was_loaded() -> None:
    origin = Origin(b"1")
    number = origin.watched()
    async with number.opened():
        succeeded_at = sample("task_last_success_timestamp_seconds")
        assert succeeded_at > 0
        failures = sample("task_duration_seconds_count", outcome="failed")
        origin.content = CannotLoad("the disk has gone")
        await number.load_early()
        assert sample("task_last_success_timestamp_seconds") == succeeded_at
        assert sample("task_duration_seconds_count", outcome="failed") == failures + 1


async def test_content_that_nobody_understands_does_not_replace_the_last() -> None:
    origin = Origin(b"1")
    number = origin.watched()
    async with number.opened():
        origin.content = b"<html>"
        await number.load_early()
        assert number.value == 1
        assert number.trouble == "The number cannot be loaded: it is no number"


async def test_a_service_may_start_before_its_source() -> None:
    origin = Origin(CannotLoad("the address answers 503"))
    number = origin.watched(every_seconds=0.001)
    async with number.opened(), beside(number.load_for_ever(), "loading"):
        assert not number.usable
        origin.content = b"1"
        await until(lambda: number.usable)


async def test_the_age_counts_from_the_beginning_of_a_load() -> None:
    origin = Origin(b"1")
    number = origin.watched()
    origin.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        entered = asyncio.Event()
        leave = asyncio.Event()

        async def keep() -> None:
            async with number.opened():
                entered.set()
                await leave.wait()

        tasks.create_task(keep())
        await until(lambda: origin.reads)
        origin.now += 101
        origin.gate.set()
        await entered.wait()
        assert not number.usable
        assert number.trouble == "The number has not been loaded for 100 seconds"
        leave.set()


async def test_loads_before_their_time_are_rare_and_shared() -> None:
    origin = Origin(b"1")
    number = origin.watched()
    async with number.opened():
        origin.gate.clear()
        before = origin.reads
        waiting = [asyncio.create_task(number.load_early()) for _ in range(50)]
        await until(lambda: origin.reads > before)
        origin.gate.set()
        await asyncio.gather(*waiting)
        for _ in range(50):
            await number.load_early()
        assert origin.reads == before + 1
        origin.now += watched.EARLY_SECONDS
        await number.load_early()
        assert origin.reads == before + 2


async def test_a_request_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "TIMEOUT_SECONDS", 0.01)
    origin = Origin(b"1")
    number = origin.watched()
    async with number.opened():
        origin.gate.clear()
        origin.content = b"2"
        await number.load_early()
        assert number.value == 1
        origin.gate.set()
        await until(lambda: number.value == 2)


async def test_a_load_that_hangs_does_not_hold_the_end_up() -> None:
    origin = Origin(b"1")
    number = origin.watched(every_seconds=0.001)
    async with asyncio.timeout(240), number.opened(), beside(number.load_for_ever(), "loading"):
        origin.gate.clear()
        reads = origin.reads
        await until(lambda: origin.reads > reads)


async def loaded(source: watched.Source) -> bytes:
    async with source() as read:
        return await read()


async def test_a_file_is_read_again_when_it_is_replaced_by_a_link(tmp_path: Path) -> None:
    """As Kubernetes changes a mounted secret: the name is a link to a folder that is swapped."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "number").write_text(version)
        os.utime(tmp_path / version / "number", (0, 0))
    (tmp_path / "data").symlink_to("1")
    number = Watched(
        "The number",
        watched.file(tmp_path / "data" / "number", 10),
        number_in,
        TASK,
        every_seconds=0.001,
        max_age_seconds=100,
    )
    async with number.opened(), beside(number.load_for_ever(), "loading"):
        assert number.value == 1
        (tmp_path / "next").symlink_to("2")
        (tmp_path / "next").replace(tmp_path / "data")
        await until(lambda: number.value == 2)


async def test_a_file_that_is_missing_or_too_long_cannot_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "number"
    with pytest.raises(CannotLoad, match="No such file"):
        await loaded(watched.file(file, 10))
    file.write_bytes(b"1" * 10)
    assert await loaded(watched.file(file, 10)) == b"1" * 10
    file.write_bytes(b"1" * 11)
    with pytest.raises(CannotLoad, match="longer than 10 bytes"):
        await loaded(watched.file(file, 10))


async def answering(answer: bytes) -> tuple[asyncio.Server, str]:
    """A server that answers every request with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answers 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", "answers 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"1" * 2000, "longer than 100 bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"1" * 2000, "longer than 100 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n1", "compressed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1", "does not answer"),
        (b"nonsense\r\n\r\n", "does not answer"),
        (b"", "does not answer"),
    ],
)
async def test_an_address_that_answers_otherwise_cannot_be_loaded(answer: bytes, why: str) -> None:
    server, address = await answering(answer)
    async with server:
        with pytest.raises(CannotLoad, match=why):
            await loaded(watched.url(address, 100))


async def test_an_address_has_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the whole answer: each of its bytes may come in time."""
    monkeypatch.setattr(watched, "TIMEOUT_SECONDS", 0.2)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1")
            await asyncio.sleep(0.01)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        with pytest.raises(CannotLoad, match=r"does not answer \(TimeoutError\)"):
            async with asyncio.timeout(240):
                await loaded(watched.url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", 1_000_000))


async def test_an_address_is_read() -> None:
    server, address = await answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
    async with server:
        assert await loaded(watched.url(address, 100)) == b"1"
