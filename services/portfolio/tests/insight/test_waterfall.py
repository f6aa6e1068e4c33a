"""The waterfall of stages, roll rates and recovery add up to the contracts and payments themselves."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import polars as pl
import pytest
from chassis import clock
from chassis.testing import mint
from portfolio.movements import keeping
from service_client import ServiceClient, row

Json = dict[str, Any]
Steps = dict[tuple[str, str], Json]
_OPEN = """
SELECT stage, count(*) AS contracts, sum(overdue_balance) AS overdue, sum(total_balance) AS total FROM contract
WHERE portfolio_id = $1 AND state = 'open' GROUP BY stage
"""


@pytest.fixture(autouse=True)
def autumn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 10, 5, 18, tzinfo=UTC))


@pytest.fixture
async def portfolio_id(service: ServiceClient) -> AsyncIterator[UUID]:
    """Contracts of every stage, loaded on 10 September, and what happened to them up to 2 October."""
    portfolio_id = await service.portfolio()
    due = {"A": "2026-09-01", "B": "2026-08-11", "C": "2026-07-01", "D": "2026-09-20", "E": "2026-06-01"}
    rows = [row(number, due_date=day) for number, day in due.items()]
    rows += [row("F", due_date="2026-08-20"), row("F", 2, due_date="2026-12-01"), row("G", due_date="2026-08-20")]
    await service.load(portfolio_id, *rows)
    await service.stage("2026-09-11")
    await service.pay(portfolio_id, "A", "100.00", "2026-09-11")
    await service.pay(portfolio_id, "C", "75.00", "2026-09-11")
    await service.pay(portfolio_id, "F", "100.00", "2026-09-11")
    await service.stage("2026-09-21")
    paid = await service.pay(portfolio_id, "E", "100.00", "2026-09-21")
    back = await service.client.post(f"/v1/payments/{paid['payment_id']}/reversal", json={"reason": "bounced"})
    assert back.status_code == 201, back.text
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE contract SET state = 'withdrawn' WHERE contract_id = $1", uuid5(portfolio_id, "G"))
    await service.stage("2026-10-02")
    await service.load(portfolio_id, row("H", due_date="2026-08-01"), as_of="2026-10-02")
    yield portfolio_id
    await _check_openings(service, portfolio_id)


async def _check_openings(service: ServiceClient, portfolio_id: UUID) -> None:
    """Whatever a test has done, the closing is what is open."""
    steps = await waterfall(service, portfolio_id)
    for found in await service.rows(_OPEN, portfolio_id):
        closing = steps[found["stage"], "closing"]
        assert (closing["contracts"], closing["overdue"], closing["total"]) == (
            found["contracts"],
            str(found["overdue"]),
            str(found["total"]),
        )


async def waterfall(service: ServiceClient, portfolio_id: UUID, **period: str) -> Steps:
    answer = await service.client.get("/v1/insight/waterfall", params={"portfolio_id": str(portfolio_id), **period})
    assert answer.status_code == 200, answer.text
    steps = {(step["stage"], step["step"]): step for step in answer.json()["items"]}
    for stage in {stage for stage, _ in steps}:
        for name in ("contracts", "overdue", "total"):
            taken = [Decimal(step[name]) for (of, what), step in steps.items() if of == stage and what != "closing"]
            assert sum(taken) == Decimal(steps[stage, "closing"][name])
    return steps


async def followed(service: ServiceClient, address: str) -> list[Json]:
    answer = await service.client.get(address)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


SEPTEMBER = {"from": "2026-09-01", "to": "2026-09-30"}


async def test_a_month_is_explained_step_by_step(service: ServiceClient, portfolio_id: UUID) -> None:
    steps = await waterfall(service, portfolio_id, **SEPTEMBER)
    taken = {
        key: (step["contracts"], step["overdue"])
        for key, step in steps.items()
        if step["contracts"] or Decimal(step["total"]) or Decimal(step["overdue"])
    }
    assert taken == {
        ("current", "new"): (1, "0.00"),
        ("current", "cured_in"): (1, "0.00"),
        ("current", "due"): (0, "100.00"),
        ("current", "rolled_out"): (-1, "-100.00"),
        ("current", "closing"): (1, "0.00"),
        ("early", "new"): (4, "400.00"),
        ("early", "rolled_in"): (1, "100.00"),
        ("early", "rolled_out"): (-2, "-200.00"),
        ("early", "paid"): (0, "-100.00"),
        ("early", "cured_out"): (-1, "0.00"),
        ("early", "settled"): (-1, "-100.00"),
        ("early", "closing"): (1, "100.00"),
        ("late", "new"): (1, "100.00"),
        ("late", "rolled_in"): (2, "200.00"),
        ("late", "paid"): (0, "-75.00"),
        ("late", "closed"): (-1, "-100.00"),
        ("late", "rolled_out"): (-1, "-25.00"),
        ("late", "closing"): (1, "100.00"),
        ("legal", "new"): (1, "100.00"),
        ("legal", "settled"): (-1, "-100.00"),
        ("legal", "reopened"): (1, "100.00"),
        ("legal", "rolled_in"): (1, "25.00"),
        ("legal", "closing"): (2, "125.00"),
    }
    for (stage, name), step in steps.items():
        if step["contracts"] and step["items"] and name != "closing":
            movements = await followed(service, step["items"])
            assert len(movements) == abs(step["contracts"]), (stage, name)
    [partly, cured] = [await followed(service, str(steps[stage, "paid"]["items"])) for stage in ("late", "early")]
    assert [(one["contract_number"], one["from_overdue"], one["to_overdue"]) for one in partly] == [
        ("C", "100.00", "25.00")
    ]
    assert [(one["contract_number"], one["cause"]) for one in cured] == [("F", "paid")]


async def test_the_sums_are_those_of_the_movements(service: ServiceClient, portfolio_id: UUID) -> None:
    async def everything() -> list[Any]:
        found: list[Any] = [
            await waterfall(service, portfolio_id, **period)
            for period in ({}, SEPTEMBER, {"from": "2026-09-21", "to": "2026-10-02"}, {"to": "2026-09-12"})
        ]
        found += [
            await service.get("/v1/insight/recovery", by=by, **SEPTEMBER) for by in ("age", "stage", "day", "month")
        ]
        return [*found, await service.get("/v1/insight/vintages")]

    kept = await everything()
    assert [line["kept_to"].isoformat() for line in await service.rows("SELECT kept_to FROM insight_kept")] == [
        "2026-10-01"
    ]
    tables = ("day", "close", "month", "vintage", "recovery", "kept")
    async with service.database.transaction() as tx:
        for table in tables:
            await tx.execute(f"DELETE FROM insight_{table}")
    assert await everything() == kept
    async with service.database.transaction() as tx:
        await keeping.keep(tx, portfolio_id)
        await keeping.keep(tx, portfolio_id)
    assert await everything() == kept


async def test_the_day_shows_the_difference_from_yesterday(service: ServiceClient, portfolio_id: UUID) -> None:
    steps = await waterfall(service, portfolio_id)
    late = {name: step["contracts"] for (stage, name), step in steps.items() if stage == "late" and step["contracts"]}
    assert late == {"opening": 1, "new": 1, "closing": 2}
    assert {step["first"] for step in steps.values()} == {"2026-10-02"}
    listed = await followed(service, str(steps["late", "closing"]["items"]))
    assert {contract["contract_number"] for contract in listed} == {"B", "H"}
    assert steps["late", "opening"]["items"] is None


async def test_roll_and_cure_rates_of_a_month(service: ServiceClient, portfolio_id: UUID) -> None:
    await service.stage("2026-11-01")
    await service.pay(portfolio_id, "B", "100.00", "2026-11-01")
    await service.stage("2026-12-01")
    rolls = await service.get("/v1/insight/roll-rates", portfolio_id=portfolio_id)
    october = {
        (roll["from_stage"], roll["to_stage"]): (roll["contracts"], roll["rate"], roll["overdue"])
        for roll in rolls["items"]
        if roll["begin"] == "2026-10-01"
    }
    # D, early since 21 September, turns late; B stays late; C and E stay legal. H was not there when October began.
    assert october == {
        ("current", "current"): (1, 1.0, "0.00"),
        ("early", "early"): (0, 0.0, "0.00"),
        ("early", "late"): (1, 1.0, "100.00"),
        ("late", "late"): (1, 1.0, "100.00"),
        ("legal", "legal"): (2, 1.0, "125.00"),
    }
    cells = [roll for roll in rolls["items"] if roll["items"]]
    assert cells
    for cell in cells:
        assert len(await followed(service, cell["items"])) == cell["contracts"], cell
    cures = await service.get("/v1/insight/cure-rates", portfolio_id=portfolio_id)
    november = {cure["stage"]: cure for cure in cures["items"] if cure["begin"] == "2026-11-01"}
    assert (november["late"]["opening_contracts"], november["late"]["settled"]) == (2, 1)
    assert (november["late"]["cure_rate"], november["legal"]["cure_rate"]) == (0.5, 0.0)
    september = {(cure["begin"], cure["stage"]) for cure in cures["items"]}
    assert ("2026-09-01", "early") not in september, "nothing was open when September began"
    days = await service.get("/v1/insight/roll-rates", portfolio_id=portfolio_id, by="day", **SEPTEMBER)
    [rolled] = [one for one in days["items"] if (one["begin"], one["to_stage"]) == ("2026-09-11", "late")]
    assert [one["contract_number"] for one in await followed(service, rolled["items"])] == ["B"]


async def test_recovery_by_age_stage_and_vintage(service: ServiceClient, portfolio_id: UUID) -> None:
    wanted = {"portfolio_id": portfolio_id, **SEPTEMBER}
    ages = {one["from_days"]: one for one in (await service.get("/v1/insight/recovery", **wanted))["items"]}
    assert {age: (one["to_days"], one["payments"], one["recovered"]) for age, one in ages.items()} == {
        1: (30, 2, "200.00"),
        61: (90, 1, "75.00"),
        91: (120, 1, "0.00"),
    }
    for one in ages.values():
        lines = await followed(service, one["items"])
        assert sum(Decimal(line["received"]) - Decimal(line["reversed"]) for line in lines) == Decimal(one["recovered"])
    from_tenth = {"portfolio_id": portfolio_id, "from": "2026-09-11", "to": "2026-09-30", "by": "stage"}
    stages = {one["key"]: one for one in (await service.get("/v1/insight/recovery", **from_tenth))["items"]}
    assert (stages["early"]["recovered"], stages["early"]["opening_overdue"]) == ("200.00", "400.00")
    assert (stages["early"]["recovery_rate"], stages["late"]["recovery_rate"]) == (0.5, 0.75)
    assert (stages["legal"]["received"], stages["legal"]["recovered"]) == ("100.00", "0.00")
    vintages = (await service.get("/v1/insight/vintages", portfolio_id=portfolio_id))["items"]
    assert [(one["vintage"], one["contracts"], one["handed_over"], one["months"]) for one in vintages] == [
        ("2026-09-01", 7, "800.00", 0),
        ("2026-10-01", 1, "100.00", 0),
    ]
    assert (vintages[0]["recovered_to_date"], vintages[0]["recovery_rate"]) == ("275.00", 0.3438)
    lines = await followed(service, vintages[0]["items"])
    assert sum(Decimal(line["received"]) - Decimal(line["reversed"]) for line in lines) == Decimal("275.00")


async def test_what_is_behind_a_figure_is_paged_and_turned(service: ServiceClient, portfolio_id: UUID) -> None:
    moved = {"portfolio_id": portfolio_id, "month": "2026-09-01", "from_stage": "new", "to_stage": "late"}
    for path, wanted in (
        ("movements", SEPTEMBER | {"portfolio_id": portfolio_id}),
        ("payments", SEPTEMBER | {"portfolio_id": portfolio_id}),
        ("moved-contracts", moved),
    ):
        whole = (await service.get(f"/v1/insight/{path}", **wanted))["items"]
        assert whole, path
        for order, expected in (("asc", whole), ("desc", whole[::-1])):
            found: list[Json] = []
            page: Json = {"next_cursor": ""}
            while page["next_cursor"] is not None:
                cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
                page = await service.get(f"/v1/insight/{path}", limit=1, order=order, **wanted, **cursor)
                found += page["items"]
            assert found == expected, (path, order)


@pytest.mark.usefixtures("portfolio_id")
async def test_insight_is_for_operators_and_answers_as_a_table(service: ServiceClient) -> None:
    agency = {"Authorization": f"Bearer {mint(agency_id=uuid4(), subject='agency')}"}
    for name in ("waterfall", "movements", "roll-rates", "cure-rates", "recovery", "vintages", "payments"):
        path = f"/v1/insight/{name}"
        assert (await service.client.get(path, headers=agency)).status_code == 403
        assert (await service.client.get(path, params={"portfolio_id": str(uuid4())})).status_code == 404
        answer = await service.client.get(path, params=SEPTEMBER | {"format": "parquet"})
        rows = pl.read_parquet(io.BytesIO(answer.content))
        assert len(rows) == len(await followed(service, str(httpx.URL(path, params=SEPTEMBER)))), name


async def test_a_quiet_portfolio_has_no_figures(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    for name in ("waterfall", "roll-rates", "cure-rates", "recovery", "vintages"):
        assert await followed(service, f"/v1/insight/{name}?portfolio_id={portfolio_id}") == []
