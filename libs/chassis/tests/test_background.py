"""A background task that fails is known, touches no other, and is started again."""

import asyncio

import pytest
from chassis import create_app
from chassis.background import keep, polled
from chassis.testing import client_for, test_settings
from fastapi import FastAPI
from prometheus_client import REGISTRY
from recobro_events import Backoff, Database


class Fragile:
    """A task that fails once with the error, and then works until it is cancelled."""

    def __init__(self, error: Exception | None = None) -> None:
        self.works = asyncio.Event()
        self._error = error

    async def run(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
        self.works.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.works.clear()


@pytest.fixture
def fragile() -> Fragile:
    return Fragile(ZeroDivisionError("4711 is the content of a file"))


@pytest.fixture
def sound() -> Fragile:
    return Fragile()


@pytest.fixture
def kept(database: Database, fragile: Fragile, sound: Fragile) -> FastAPI:
    return create_app(
        service="toys",
        title="Toys",
        settings=test_settings(database.dsn, service="portfolio"),
        database=database,
        runtime=None,
        routers=(),
        background=[keep("counting", fragile.run), keep("sorting", sound.run)],
    )


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Every pause lasts until this is set."""
    event = asyncio.Event()

    async def wait(_backoff: Backoff, _until: asyncio.Event | None = None) -> None:
        await event.wait()

    monkeypatch.setattr(Backoff, "wait", wait)
    return event


async def test_a_task_that_fails_is_known_and_started_again(
    kept: FastAPI, fragile: Fragile, sound: Fragile, go_on: asyncio.Event
) -> None:
    async with client_for(kept) as client, asyncio.timeout(240):
        await sound.works.wait()
        answer = await client.get("/readyz")
        expected = "counting has failed and is started again: unexpected ZeroDivisionError"
        assert (answer.status_code, answer.json()["problems"]) == (503, [expected])
        assert REGISTRY.get_sample_value("runtime_task_failed", {"service": "toys", "task": "counting"}) == 1
        assert REGISTRY.get_sample_value("runtime_task_failed", {"service": "toys", "task": "sorting"}) == 0
        assert "4711" not in answer.text
        go_on.set()
        await fragile.works.wait()
    assert not sound.works.is_set()
    assert not fragile.works.is_set()


async def test_polled_work_goes_on_after_a_lost_connection_and_waits_when_there_is_none(go_on: asyncio.Event) -> None:
    outcomes: list[object] = [True, ConnectionResetError(), True, 2, False]
    lost, over = asyncio.Event(), asyncio.Event()

    async def work() -> object:
        outcome = outcomes.pop(0)
        if not outcomes:
            over.set()
        if isinstance(outcome, Exception):
            lost.set()
            raise outcome
        return outcome

    running = asyncio.ensure_future(polled("counting", work, 10**6).run())
    async with asyncio.timeout(240):
        await lost.wait()
        assert not over.is_set()
        go_on.set()
        await over.wait()
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
