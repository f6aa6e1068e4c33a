"""The totals of a day: each portfolio's payments, reversals and clarifications of that day and of no other."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from portfolio_builders import TODAY, Given, days_ago, pay


async def totals(client: httpx.AsyncClient, day: object, **wanted: object) -> dict[str, dict[str, Any]]:
    answer = await client.get("/v1/day-totals", params={"day": str(day), **{k: str(v) for k, v in wanted.items()}})
    assert answer.status_code == 200, answer.text
    return {one.pop("portfolio_id"): one for one in answer.json()}


async def disputed(client: httpx.AsyncClient, contract_id: UUID) -> str:
    body = {"reason": "not mine", "opened_by": "debtor"}
    answer = await client.post(f"/v1/contracts/{contract_id}/clarifications", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["clarification_id"])


async def test_a_day_has_its_own_payments_reversals_and_clarifications(client: httpx.AsyncClient, given: Given) -> None:
    busy, quiet = await given.portfolio(), await given.portfolio()
    contract_id = await given.contract(busy, (days_ago(40), "900.00"))
    first = await pay(client, contract_id, "150.00")
    await pay(client, contract_id, "50.00")
    body = {"reason": "bounced", "reversed_on": str(TODAY)}
    assert (await client.post(f"/v1/payments/{first['payment_id']}/reversal", json=body)).status_code == 201
    await disputed(client, contract_id)
    resolved = await disputed(client, await given.contract(busy, (days_ago(5), "10.00")))
    answer = await client.post(f"/v1/clarifications/{resolved}/resolution", json={"outcome": "rejected"})
    assert answer.status_code == 201, answer.text
    # Half an hour before midnight in the portfolio's time zone is the next day in UTC.
    late = f"'{TODAY} 23:30'::timestamp AT TIME ZONE 'America/Mexico_City'"
    await given.rows(f"UPDATE clarification SET resolved_at = {late} WHERE resolved_at IS NOT NULL RETURNING 1")

    found = await totals(client, TODAY)
    assert found[str(busy)] | {"name": ""} == {
        "name": "",
        "currency": "MXN",
        "payments": 2,
        "paid": "200.00",
        "reversals": 1,
        "reversed": "150.00",
        "clarifications_opened": 2,
        "clarifications_resolved": 1,
    }
    assert {found[str(quiet)][name] for name in ("payments", "paid", "reversals", "reversed")} == {0, "0.00"}
    before = await totals(client, TODAY - timedelta(days=1))
    assert before[str(busy)] | {"name": "", "currency": ""} == found[str(quiet)] | {"name": "", "currency": ""}


async def test_the_totals_of_one_portfolio(client: httpx.AsyncClient, given: Given) -> None:
    one, _ = await given.portfolio(), await given.portfolio()
    assert list(await totals(client, TODAY, portfolio_id=one)) == [str(one)]
    unknown = await client.get("/v1/day-totals", params={"day": str(TODAY), "portfolio_id": str(uuid4())})
    assert (unknown.status_code, (await client.get("/v1/day-totals")).status_code) == (404, 422)
