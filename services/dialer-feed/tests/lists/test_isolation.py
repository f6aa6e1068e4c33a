"""A list that cannot be built fails alone, with its reason, and the others are built."""

import asyncio
import uuid
from decimal import Decimal
from uuid import UUID

import asyncpg
import httpx
import pytest
from chassis.testing import client_for
from dialer_feed.lists import building, building_queries
from dialer_feed.main import build_app
from dialing_scene import Scene
from fastapi import FastAPI
from recobro_events import Backoff, Database
from recobro_events.contracts.dialer_feed import MOST_OVERDUE_TOTAL, ListPublished
from recobro_events.testing import published

_MOST = Decimal("999999999999.99")


async def two_lists(scene: Scene) -> tuple[UUID, UUID]:
    await scene.contracts(1)
    return await scene.requested(), await scene.requested(campaign_id=await scene.campaign())


def broken(monkeypatch: pytest.MonkeyPatch, list_id: UUID, error: Exception) -> None:
    """Let each build of this list end with the error."""
    build = building.build

    async def build_others(database: Database, built: UUID, *rest: object) -> None:
        if built == list_id:
            await building.claim(database, built, uuid.uuid4())
            raise error
        await build(database, built, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "build", build_others)


@pytest.mark.parametrize("error", [ZeroDivisionError("4711"), asyncpg.NumericValueOutOfRangeError("4711")])
async def test_a_list_that_cannot_be_built_fails_with_its_reason_and_the_next_is_built(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    first, second = await two_lists(scene)
    broken(monkeypatch, first, error)
    await building.advance(scene.database, scene.builder)
    failed = await scene.the_list(first)
    assert (failed["status"], failed["error"]) == ("failed", "list-not-built")
    assert failed["error_detail"] == f"An unexpected error ended the build: {type(error).__name__}."
    assert (await scene.the_list(second))["status"] == "published"


async def test_a_list_that_is_interrupted_again_and_again_holds_up_no_other_and_fails_in_the_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await two_lists(scene)
    broken(monkeypatch, first, asyncpg.QueryCanceledError("statement timeout"))
    for _ in range(building.MOST_ATTEMPTS):
        with pytest.raises(asyncpg.QueryCanceledError):
            await building.advance(scene.database, scene.builder)
        assert (await scene.the_list(second))["status"] == "published"
    await building.advance(scene.database, scene.builder)
    failed = await scene.the_list(first)
    assert (failed["status"], failed["error"]) == ("failed", "list-not-built")
    assert failed["error_detail"] == "The list was begun 5 times and never finished."


async def test_a_list_whose_reason_cannot_be_stored_holds_up_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await two_lists(scene)
    broken(monkeypatch, first, ZeroDivisionError())
    fail = building_queries.fail

    async def fail_others(tx: object, list_id: UUID, *rest: object) -> bool:
        if list_id == first:
            raise ZeroDivisionError
        return await fail(tx, list_id, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(building_queries, "fail", fail_others)
    with pytest.raises(ZeroDivisionError):
        await building.advance(scene.database, scene.builder)
    assert (await scene.the_list(second))["status"] == "published"


async def test_the_total_of_a_list_is_as_wide_as_its_sum(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.contracts(3, overdue=_MOST)
    list_id = await scene.built()
    assert (await client.get(f"/v1/lists/{list_id}")).json()["overdue_total"] == "2999999999999.97"
    [event] = await published(scene.database, ListPublished)
    assert (event.overdue_total, event.overdue_sum) == (MOST_OVERDUE_TOTAL, 3 * _MOST)


async def test_no_amount_is_cut_or_rounded(scene: Scene) -> None:
    """Some currencies have no decimals and long amounts, others have three decimals."""
    bounded = await scene.rows("""
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'numeric' AND numeric_precision IS NOT NULL""")
    assert [tuple(row) for row in bounded] == []


async def test_a_builder_that_fails_is_known_and_builds_again(
    scene: Scene, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.contracts(1)
    advance, go_on = building.advance, asyncio.Event()

    failed = asyncio.Event()

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    async def wait(_backoff: Backoff, _until: asyncio.Event | None = None) -> None:
        failed.set()
        await go_on.wait()

    monkeypatch.setattr(Backoff, "wait", wait)
    monkeypatch.setattr(building, "advance", fail)
    async with client_for(build_app(app.state.settings, scene.database, runtime=None)) as client:
        await asyncio.wait_for(failed.wait(), 240)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        expected = "list builder has failed and is started again: unexpected ZeroDivisionError"
        assert answer.json()["problems"] == [expected]
        list_id = await scene.requested()
        monkeypatch.setattr(building, "advance", advance)
        go_on.set()
        await scene.until("SELECT status = 'published' FROM dialing_list WHERE list_id = $1", list_id)
