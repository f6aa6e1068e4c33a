"""What a step allows is published with the step, and again when only that changes."""

from typing import Any
from uuid import UUID

import httpx
from ladders import judged, put_ladder, send, step
from portfolio.desk import filling
from portfolio.migrations.versions import m0054_allowed
from portfolio_builders import Given, days_ago, pay
from recobro_events.contracts.portfolio import ContractEscalated, ContractRegistered, StepAllows
from recobro_events.testing import published

LETTERS = {"contacts": ["letter"]}
CALLS = {"contacts": ["call"], "campaigns": ["predictive"]}


def ladder(**allows: Any) -> list[dict[str, Any]]:
    return [
        {"step": name, "when": {}, **({"allows": allows[name]} if name in allows else {})}
        for name in ("reminder", "extrajudicial_notice")
    ]


async def stated(given: Given) -> list[tuple[str | None, str | None, StepAllows | None]]:
    return [
        (event.from_step, event.to_step, event.allows) for event in await published(given.database, ContractEscalated)
    ]


async def test_an_escalation_states_what_the_step_allows(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, ladder(reminder=CALLS, extrajudicial_notice=LETTERS))
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    await judged(given)
    assert (await step(client, contract_id))["allows"] == CALLS
    await send(client, contract_id, "reminder")
    await send(client, contract_id, "extrajudicial")
    assert (await step(client, contract_id))["allows"] == LETTERS | {"campaigns": None}
    await pay(client, contract_id, "100.00")
    await judged(given)
    assert await stated(given) == [
        (None, "reminder", StepAllows(contacts=("call",), campaigns=("predictive",))),
        ("reminder", "extrajudicial_notice", StepAllows(contacts=("letter",))),
        ("extrajudicial_notice", None, None),
    ]


async def test_a_ladder_that_allows_less_reaches_the_contracts_that_stay_at_their_step(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, ladder())
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    await judged(given)
    assert (await step(client, contract_id))["allows"] == {"contacts": None, "campaigns": None}
    await put_ladder(client, portfolio_id, ladder(reminder=LETTERS))
    await judged(given)
    await put_ladder(client, portfolio_id, ladder(reminder=LETTERS, extrajudicial_notice=CALLS))
    await judged(given)
    assert await stated(given) == [
        (None, "reminder", None),
        ("reminder", "reminder", StepAllows(contacts=("letter",))),
    ]
    lines = await given.rows("SELECT data FROM contract_history WHERE kind = 'escalated'")
    assert len(lines) == 1
    assert (await given.row(contract_id))["allows"] == LETTERS


async def test_a_step_that_the_ladder_leaves_out_allows_what_the_gentler_one_does(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, [{"step": "direct_contact", "when": {}}])
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    await judged(given)
    await put_ladder(client, portfolio_id, ladder(reminder=LETTERS))
    await judged(given)
    shown = await step(client, contract_id)
    assert (shown["step"], shown["allows"]["contacts"]) == ("direct_contact", ["letter"])


async def test_nothing_is_given_to_the_desk_at_a_step_without_calls_and_messages(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, ladder(reminder=LETTERS))
    contract_id = await given.contract(portfolio_id, (days_ago(40), "100.00"))
    body = {"name": "all", "when": {}}
    worklist_id = (await client.post("/v1/worklists", json=body)).json()["worklist_id"]
    await filling.work(given.database)
    await judged(given)
    assert (await client.post(f"/v1/worklists/{worklist_id}/next")).json()["item"] is None
    await put_ladder(client, portfolio_id, ladder(reminder={"contacts": ["message"]}))
    await judged(given)
    answer = await client.patch(f"/v1/worklists/{worklist_id}", json={"name": "again"})
    assert answer.status_code == 200
    await filling.work(given.database)
    item = (await client.post(f"/v1/worklists/{worklist_id}/next")).json()["item"]
    assert [(one["contract_id"], one["allows"]["contacts"]) for one in item["contracts"]] == [
        (str(contract_id), ["message"])
    ]
    await put_ladder(client, portfolio_id, ladder(reminder=LETTERS))
    await judged(given)
    held = (await client.get(f"/v1/desk-items/{item['item_id']}")).json()
    assert (held["state"], held["contracts"][0]["silences"]) == ("taken_back", ["step"])


async def test_a_kind_of_campaign_that_does_not_exist_is_refused(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id: UUID = await given.portfolio()
    steps = ladder(reminder={"campaigns": ["predictiv"]})
    answer = await client.put(f"/v1/portfolios/{portfolio_id}/ladder", json={"steps": steps})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/steps/0/allows/campaigns/0")
    assert await published(given.database, ContractRegistered) == []


async def test_empty_lists_of_earlier_releases_forbid_nothing(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    await put_ladder(client, portfolio_id, ladder())
    stored = [
        {"step": "reminder", "when": {}, "allows": {"contacts": [], "campaigns": ["reminder"]}},
        {"step": "direct_contact", "when": {}, "allows": {"contacts": ["call"], "campaigns": ["reminder", "manual"]}},
        {"step": "judicial_notice", "when": {}},
    ]
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE ladder SET steps = $1", stored)
        await tx.execute(m0054_allowed.STEPS)
        await tx.execute(m0054_allowed.MARKS)
    held = (await client.get(f"/v1/portfolios/{portfolio_id}/ladder")).json()
    assert [each["allows"] for each in held["steps"]] == [
        {"contacts": None, "campaigns": None},
        {"contacts": ["call"], "campaigns": ["manual"]},
        {"contacts": None, "campaigns": None},
    ]
