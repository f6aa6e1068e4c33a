"""Permits are kept by day, and as long as the records of a contract must be kept."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from dialer_feed.permits import days
from dialing_scene import Scene

OLD = date(2022, 3, 1)


async def partitions(scene: Scene) -> set[str]:
    rows = await scene.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'permit'::regclass"
    )
    return {row["name"] for row in rows}


async def permit_of(scene: Scene, contract_id: uuid.UUID, day: date) -> None:
    await scene.execute(
        "INSERT INTO permit (permit_id, asked_at, campaign_id, contract_id, contact_id, asked_by)"
        " VALUES (uuidv7($1::timestamptz - clock_timestamp()), $1, uuidv7(), $2, uuidv7(), 'test')",
        datetime.combine(day, datetime.min.time(), UTC),
        contract_id,
    )


async def test_a_month_of_days_is_made_ahead_and_a_permit_lies_in_its_own(scene: Scene) -> None:
    today = datetime.now(UTC).date()
    await days.keep(scene.database)
    made = {f"permit_{today + timedelta(days=n):%Y%m%d}" for n in range(days.DAYS_AHEAD + 1)}
    assert made <= await partitions(scene)
    await permit_of(scene, uuid.uuid4(), today)
    [row] = await scene.rows("SELECT tableoid::regclass::text AS place FROM permit")
    assert row["place"] == f"permit_{today:%Y%m%d}"


@pytest.mark.parametrize(("years", "closed", "is_kept"), [(2, True, True), (4, True, False), (4, False, True)])
async def test_a_permit_is_forgotten_three_years_after_the_last_activity(
    scene: Scene, years: int, closed: bool, is_kept: bool
) -> None:
    [contract] = await scene.contracts(1)
    if closed:
        await scene.receives(contract.closed())
    today = datetime.now(UTC).date()
    await permit_of(scene, contract.contract_id, today - timedelta(days=366 * years))
    await days.keep(scene.database)
    assert len(await scene.rows("SELECT FROM permit")) == int(is_kept)


async def test_an_old_permit_stays_while_its_contract_is_still_asked_about(scene: Scene) -> None:
    [contract] = await scene.contracts(1)
    await scene.receives(contract.closed())
    today = datetime.now(UTC).date()
    for day in (today - timedelta(days=366 * 5), today - timedelta(days=10)):
        await permit_of(scene, contract.contract_id, day)
    await days.keep(scene.database)
    assert len(await scene.rows("SELECT FROM permit")) == 2


async def test_only_an_empty_day_of_long_ago_can_be_dropped(scene: Scene) -> None:
    assert not await _dropped(scene, datetime.now(UTC).date())
    await scene.database.execute_as_owner(  # type: ignore[attr-defined]
        f"CREATE TABLE permit_{OLD:%Y%m%d} PARTITION OF permit"
        f" FOR VALUES FROM ('{await _first(scene, OLD)}') TO ('{await _first(scene, OLD + timedelta(days=1))}')"
    )
    [contract] = await scene.contracts(1)
    await permit_of(scene, contract.contract_id, OLD)
    assert not await _dropped(scene, OLD)
    await scene.receives(contract.closed())
    await days.keep(scene.database)
    assert f"permit_{OLD:%Y%m%d}" not in await partitions(scene)


async def _dropped(scene: Scene, day: date) -> bool:
    [row] = await scene.rows("SELECT drop_permit_day($1)", day)
    return bool(row[0])


async def _first(scene: Scene, day: date) -> uuid.UUID:
    [row] = await scene.rows("SELECT first_permit_of($1)", day)
    first: uuid.UUID = row[0]
    return first
