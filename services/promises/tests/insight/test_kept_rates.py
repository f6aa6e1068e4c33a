"""How many promises were kept, by agency, agent, week and way; each number lists its promises."""

import uuid
from typing import Any

import httpx
import pytest
from chassis.testing import mint
from chassis.testing.followed import followed
from promise_scene import Json, Scene, code_of, day

AGENCY = uuid.uuid4()


@pytest.fixture
async def promised(scene: Scene) -> Scene:
    """Four promises inside, by two people, and one by an agency: one kept, one partly, one open, two broken."""
    contracts = [await scene.registered(number=f"C-{n}") for n in range(5)]
    await scene.placed(contracts[4], AGENCY)
    luis = {"Authorization": f"Bearer {mint(subject='luis')}"}
    await scene.promise(contracts[0], "100.00", due=1)
    await scene.promise(contracts[1], "100.00", due=2)
    await scene.promise(contracts[2], "200.00", due=3, headers=luis, made_in="visit")
    await scene.promise(contracts[3], "50.00", due=20)
    await scene.promise(contracts[4], "80.00", due=2, headers=scene.agency(AGENCY), made_in="agency")
    await scene.receives(contracts[0].paid("100.00"), contracts[1].paid("40.00"))
    await scene.move_business_date(10)
    return scene


async def rates(scene: Scene, headers: dict[str, str] | None = None, **wanted: Any) -> list[Json]:
    wanted = {"from": str(day(0)), "to": str(day(30))} | wanted
    answer = await scene.client.get("/v1/insight/promises", params=wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    for item in items:
        listed = await scene.client.get(item["items"], headers=headers)
        assert listed.status_code == 200, listed.text
        assert len(listed.json()["items"]) == item["promises"], item
    return items


async def test_promises_are_compared_by_who_took_them(promised: Scene) -> None:
    inside, agency = await rates(promised)
    assert (inside["agency_id"], agency["agency_id"]) == (None, str(AGENCY))
    counts = ("promises", "open", "kept", "partly_kept", "broken", "cancelled")
    assert [inside[name] for name in counts] == [4, 1, 1, 1, 1, 0]
    assert (inside["promised"], inside["paid"]) == ("400.00", "140.00")
    assert (inside["kept_rate"], inside["paid_rate"]) == (0.3333, 0.35)
    assert (agency["broken"], agency["kept_rate"]) == (1, 0.0)
    agents = {row["agent"]: row["promises"] for row in await rates(promised, by="agent")}
    assert (agents["luis"], sum(agents.values())) == (1, 5)
    assert {row["made_in"]: row["promises"] for row in await rates(promised, by="made_in")} == {
        "agency": 1,
        "call": 3,
        "visit": 1,
    }
    weeks = await rates(promised, by="week")
    assert sum(row["promises"] for row in weeks) == 5
    assert len(weeks) >= 2
    of_portfolio = await rates(promised, portfolio_id=str(promised.portfolio_id))
    assert sum(row["promises"] for row in of_portfolio) == 5
    assert await rates(promised, portfolio_id=str(uuid.uuid4())) == []
    later: dict[str, Any] = {"from": str(day(15)), "to": str(day(25))}
    [open_one] = await rates(promised, **later)
    assert (open_one["open"], open_one["kept_rate"], open_one["paid_rate"]) == (1, None, None)


async def test_the_usual_period_ends_on_the_last_due_day_that_is_over(promised: Scene) -> None:
    """An instalment of next year would otherwise move the period to where nothing is decided."""
    promised.today(10)
    far = await promised.registered(number="C-9")
    parts = [{"due_on": str(day(30 * n)), "amount": "100.00"} for n in (1, 11)]
    answer = await promised.client.post(
        "/v1/agreements", json={"contract_id": str(far.contract_id), "kind": "plan", "instalments": parts}
    )
    assert answer.status_code == 201, answer.text
    for address, headers in (("/v1/insight/promises", None), ("/v1/kept-rates", promised.agency(AGENCY))):
        answer = await promised.client.get(address, headers=headers)
        rows = answer.json()["items"]
        broken = 1 if headers else 2
        assert (sum(row["broken"] for row in rows), sum(row["open"] for row in rows)) == (broken, 0), rows


async def test_an_agency_is_compared_with_nobody(promised: Scene) -> None:
    mine = promised.agency(AGENCY)
    for by in ("agency", "week", "made_in"):
        [row] = await rates(promised, mine, by=by, agency_id=str(uuid.uuid4()))
        assert row["promises"] == 1
    assert await rates(promised, promised.agency(uuid.uuid4())) == []
    for refused in ({"by": "agent"}, {"portfolio_id": str(promised.portfolio_id)}):
        answer = await promised.client.get("/v1/insight/promises", params=refused, headers=mine)
        assert (answer.status_code, code_of(answer)) == (403, "operators-only")
    for refused in ({"agent": "luis"}, {"portfolio_id": str(promised.portfolio_id)}):
        answer = await promised.client.get("/v1/promises", params=refused, headers=mine)
        assert (answer.status_code, code_of(answer)) == (403, "operators-only")
    for found, agency_id in ((1, AGENCY), (0, uuid.uuid4())):
        answer = await promised.client.get("/v1/promises", params={"agency_id": str(agency_id)}, headers=mine)
        assert len(answer.json()["items"]) == found
    assert (await promised.client.get("/v1/today", headers=mine)).status_code == 403


async def test_the_promises_of_a_day_are_counted_by_state(promised: Scene) -> None:
    async def figures(n: int) -> dict[str, int]:
        answer: httpx.Response = await promised.client.get("/v1/today", params={"day": str(day(n))})
        assert answer.status_code == 200, answer.text
        return await followed(promised.client, answer.json())

    none = dict.fromkeys(
        (f"promises.due.{state}" for state in ("open", "kept", "partly_kept", "broken", "cancelled")), 0
    )
    second = await figures(2)
    assert second == none | {"promises.due.partly_kept": 1, "promises.due.broken": 1, "promises.open_after_due_day": 0}
    twentieth = (await promised.client.get("/v1/today", params={"day": str(day(20))})).json()
    [due] = [one for one in twentieth if one["figure"] == "promises.due.open"]
    assert (due["count"], due["amount"], due["currency"]) == (1, "50.00", "MXN")
    assert (await figures(21))["promises.open_after_due_day"] == 1
