"""The desk: people in the order of what they are expected to pay, each with one operator, none against a silence."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import httpx
import pytest
from chassis import clock
from chassis.second_person import ROLE_SCOPE
from chassis.testing import mint
from events_of_other_services import later, placed, promised, receive, then
from ladders import judged, put_ladder
from portfolio.desk import filling, giving, queries
from portfolio_builders import TODAY, Given, days_ago, pay
from prometheus_client import REGISTRY
from recobro_events import Database
from recobro_events.contracts import dialer_feed, runtime
from recobro_events.contracts.assignment import PlacementKind, PlacementRecalled
from recobro_events.contracts.portfolio import AttemptMade
from recobro_events.contracts.promises import PromiseBroken
from recobro_events.testing import published
from recobro_platform import SCOPES
from service_client import ServiceClient

Json = dict[str, Any]
NOW = datetime(2026, 9, 10, 18, 0, tzinfo=UTC)
CALLED = {"channel": "call", "outcome": "no_answer"}


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The clock: a list whose only value is now."""
    moment = [NOW]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


@pytest.fixture(autouse=True)
def fills(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worklists that a test makes are filled at once."""
    monkeypatch.setattr(_Filling, "database", given.database, raising=False)


class _Filling:
    database: Database


async def filled() -> None:
    """Let the background fill every worklist that wants it."""
    assert await filling.work(_Filling.database)


def as_(name: str, *, supervisor: bool = False) -> Mapping[str, str]:
    scopes = (*SCOPES, f"{ROLE_SCOPE}supervisor") if supervisor else SCOPES
    return {"Authorization": f"Bearer {mint(scopes, subject=name)}"}


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


async def worklist(client: httpx.AsyncClient, name: str = "all", **when: Any) -> str:
    answer = await client.post("/v1/worklists", json={"name": name, "when": when})
    assert answer.status_code == 201, answer.text
    await filled()
    return str(answer.json()["worklist_id"])


async def next_of(client: httpx.AsyncClient, worklist_id: str, operator: str = "ana") -> Json | None:
    answer = await client.post(f"/v1/worklists/{worklist_id}/next", headers=as_(operator))
    assert answer.status_code == 200, answer.text
    found: Json | None = answer.json()["item"]
    return found


async def end(
    client: httpx.AsyncClient, item: Json, what: str = "outcome", operator: str = "ana", **body: Any
) -> httpx.Response:
    json = CALLED | body if what == "outcome" else body
    return await client.post(f"/v1/desk-items/{item['item_id']}/{what}", json=json or None, headers=as_(operator))


def contracts_of(item: Json | None) -> list[str]:
    return [] if item is None else [one["contract_id"] for one in item["contracts"]]


async def test_a_person_is_one_item_and_the_most_valuable_comes_first(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    late = await given.contract(portfolio_id, (days_ago(100), "1000.00"))  # 15 %
    first = await given.contract(portfolio_id, (days_ago(40), "200.00"), debtor_number="D-1")  # 50 %
    second = await given.contract(portfolio_id, (days_ago(10), "100.00"), debtor_number="D-1")  # 80 %
    worklist_id = await worklist(client)
    waiting = (await client.get(f"/v1/worklists/{worklist_id}/people")).json()["items"]
    assert [(one["contracts"], one["expected_value"]) for one in waiting] == [(2, "180.00"), (1, "150.00")]
    page = (await client.get(f"/v1/worklists/{worklist_id}/people?limit=1")).json()
    rest = await client.get(f"/v1/worklists/{worklist_id}/people?limit=1&cursor={page['next_cursor']}")
    assert rest.json()["items"] == waiting[1:]
    item = await next_of(client, worklist_id)
    assert item is not None
    assert contracts_of(item) == [str(first), str(second)]
    assert [(one["cure_rate"], one["expected_value"]) for one in item["contracts"]] == [
        ("0.50", "100.00"),
        ("0.80", "80.00"),
    ]
    assert item["expected_value"] == "180.00"
    assert contracts_of(await next_of(client, worklist_id, "beto")) == [str(late)]
    assert await next_of(client, worklist_id, "carla") is None


async def test_two_operators_at_once_never_get_one_person(service: ServiceClient, given: Given) -> None:
    """Both have chosen the person before either is given the person."""
    client = service.client
    portfolio_id = await given.portfolio()
    best = await given.contract(portfolio_id, (days_ago(10), "900.00"))
    other = await given.contract(portfolio_id, (days_ago(10), "100.00"))
    worklist_id = await worklist(client)
    async with given.database.transaction() as tx:
        # Each operator chooses, and then waits for the person's contract.
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", best)
        both = [asyncio.create_task(next_of(client, worklist_id, name)) for name in ("ana", "beto")]
        await service.until_waiting(2)
    found = [contracts_of(item) for item in await asyncio.gather(*both)]
    assert sorted(found) == sorted([[str(best)], [str(other)]])


async def test_customers_who_become_one_person_wait_while_one_of_them_is_with_somebody(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    portfolio_id = await given.portfolio()
    first = await given.contract(portfolio_id, (days_ago(10), "900.00"))
    second = await given.contract(portfolio_id, (days_ago(10), "100.00"))
    worklist_id = await worklist(client)
    item = await next_of(client, worklist_id)
    assert contracts_of(item) == [str(first)]
    decision = {"contract_id": str(second), "reason": "the same birthday"}
    linked = await client.post(f"/v1/people/{(await given.row(first))['debtor_id']}/links", json=decision)
    assert linked.status_code == 201, linked.text
    at[0] += giving.FILLED_FOR + timedelta(seconds=1)
    assert await next_of(client, worklist_id, "beto") is None
    await filled()
    assert await next_of(client, worklist_id, "beto") is None
    assert item is not None
    assert (await end(client, item, "release")).status_code == 201
    at[0] += timedelta(hours=1)
    assert contracts_of(await next_of(client, worklist_id, "beto")) == [str(first), str(second)]


async def test_a_dispute_that_is_under_way_is_known_before_its_contract_is_given(
    service: ServiceClient, given: Given
) -> None:
    client = service.client
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(10), "900.00"))
    worklist_id = await worklist(client)
    async with given.database.transaction() as tx:
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", contract_id)
        asked = asyncio.create_task(next_of(client, worklist_id))
        await service.until_waiting(1)
        await tx.execute(
            "INSERT INTO clarification (contract_id, reason, opened_by, opened_on, deadline_on)"
            " VALUES ($1, 'amount', 'debtor', $2, $2)",
            contract_id,
            TODAY,
        )
    assert await asked is None


async def test_who_has_somebody_gets_that_one_again_and_nobody_else_until_thirty_minutes_are_over(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    await given.contract(await given.portfolio(), (days_ago(10), "900.00"))
    worklist_id = await worklist(client)
    item = await next_of(client, worklist_id)
    assert item is not None
    assert await next_of(client, worklist_id) == item
    at[0] += timedelta(minutes=30) - timedelta(seconds=1)
    assert await next_of(client, worklist_id, "beto") is None
    at[0] += timedelta(seconds=1)
    assert (await client.get(f"/v1/desk-items/{item['item_id']}", headers=as_("ana"))).json()["state"] == "expired"
    again = await next_of(client, worklist_id, "beto")
    assert again is not None
    assert again["person_id"] == item["person_id"]
    late = await end(client, item)
    assert (late.status_code, code_of(late)) == (409, "desk-item-ended")


async def ask(client: httpx.AsyncClient, worklist_id: str, operator: str = "ana") -> Json:
    answer = await client.post(f"/v1/worklists/{worklist_id}/next", headers=as_(operator))
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def test_who_asks_before_the_first_filling_hears_that_it_goes_on(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(10), "900.00"))
    made = (await client.post("/v1/worklists", json={"name": "new", "when": {}})).json()
    assert (made["people"], made["filled_at"], made["filling"]) == (0, None, True)
    assert await ask(client, made["worklist_id"]) == {"item": None, "filling": True}
    await filled()
    found = await ask(client, made["worklist_id"])
    assert (contracts_of(found["item"]), found["filling"]) == ([str(contract_id)], False)
    assert not await filling.work(given.database), "it is filled once"


async def test_a_filling_under_way_delays_nobody_and_gives_nobody_whom_a_silence_took(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    """The filling has read its contracts and written its people, and has not committed yet."""
    portfolio_id = await given.portfolio()
    best = await given.contract(portfolio_id, (days_ago(10), "900.00"))
    second = await given.contract(portfolio_id, (days_ago(10), "100.00"))
    worklist_id = await worklist(client)
    at[0] += giving.FILLED_FOR + timedelta(seconds=1)
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE worklist SET wanted_at = $1", at[0])
    async with given.database.transaction() as tx:
        assert await filling.fill(tx, UUID(worklist_id))
        await tx.execute("UPDATE worklist_person SET expected_value = expected_value + 1")
        await silence(client, given, best, "clarification")
        assert contracts_of(await next_of(client, worklist_id)) == [str(second)]
        assert not await filling.work(given.database), "nobody else fills it meanwhile"
    assert await next_of(client, worklist_id, "beto") is None


async def test_metrics_say_since_when_a_supervisor_is_waited_for_and_a_worklist_for_its_filling(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    def since(what: str) -> float | None:
        return REGISTRY.get_sample_value(f"portfolio_oldest_{what}_timestamp_seconds")

    await given.contract(await given.portfolio(), (days_ago(10), "900.00"))
    item = await next_of(client, await worklist(client))
    assert item is not None
    assert since("worklist_to_fill") == NOW.timestamp()
    assert (await end(client, item, "escalation", reason="a discount?")).status_code == 201
    at[0] += timedelta(hours=1)
    assert not await filling.work(given.database)
    assert (since("worklist_to_fill"), since("desk_escalation")) == (0, NOW.timestamp())


async def test_a_worklist_that_changes_while_it_is_filled_is_filled_again(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(10), "900.00"))
    made = (await client.post("/v1/worklists", json={"name": "new", "when": {}})).json()
    at_ = f"/v1/worklists/{made['worklist_id']}"

    async def changed_meanwhile(tx: Any, worklist_id: UUID, *about: Any) -> None:
        await kept(tx, worklist_id, *about)
        at[0] += timedelta(seconds=1)
        answer = await client.patch(at_, json={"when": {"stages": ["legal"]}})
        assert answer.status_code == 200, answer.text

    kept = filling._keep_matching
    with patch.object(filling, "_keep_matching", changed_meanwhile):
        await filled()
    held = (await client.get(at_)).json()
    assert (held["people"], held["filling"]) == (1, True)
    assert await next_of(client, made["worklist_id"]) is None, "whoever is given meets the conditions of now"
    await filled()
    held = (await client.get(at_)).json()
    assert (held["people"], held["filling"]) == (0, False)
    assert await given.row(contract_id)


async def test_a_worklist_that_is_retired_while_it_is_filled_keeps_nobody(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    await given.contract(await given.portfolio(), (days_ago(10), "900.00"))
    made = (await client.post("/v1/worklists", json={"name": "new", "when": {}})).json()

    async def retired_meanwhile(tx: Any, worklist_id: UUID, *about: Any) -> None:
        await kept(tx, worklist_id, *about)
        at[0] += timedelta(seconds=1)
        answer = await client.patch(f"/v1/worklists/{made['worklist_id']}", json={"active": False})
        assert (answer.status_code, answer.json()["people"]) == (200, 0)

    kept = filling._keep_matching
    with patch.object(filling, "_keep_matching", retired_meanwhile):
        await filled()
    assert await given.rows("SELECT FROM worklist_person") == []


async def silence(client: httpx.AsyncClient, given: Given, contract_id: UUID, reason: str) -> None:
    """Let this reason hold of the contract."""
    at = f"/v1/contracts/{contract_id}"
    if reason in ("deceased", "represented"):
        await client.post(f"{at}/debtor-status", json={"status": reason, "reported_by": "daughter"})
    elif reason == "clarification":
        await client.post(f"{at}/clarifications", json={"reason": "amount", "opened_by": "debtor"})
    elif reason == "paused":
        await client.post(f"{at}/pauses", json={"reason": "flood", "starts_on": str(TODAY)})
    elif reason == "payment":
        await pay(client, contract_id, "1.00")
    elif reason == "promise":
        await receive(given, promised(contract_id))
    elif reason == "payment_claimed":
        await receive(given, dialer_feed.PaymentClaimed(contract_id=contract_id))
    elif reason == "unknown_state":
        await receive(given, runtime.ContractSetAside(contract_id=contract_id, service="visits", consumer="visits"))
    elif reason == "step":
        portfolio_id = (await given.row(contract_id))["portfolio_id"]
        await put_ladder(client, portfolio_id, [{"step": "reminder", "allows": {"contacts": ["letter"]}}])
        await judged(given)
    elif reason == "with_agency":
        await receive(given, placed(contract_id, uuid4(), kind=PlacementKind.COLLECTION))
    elif reason == "nothing_overdue":
        await pay(client, contract_id, "900.00")
    elif reason == "closed":
        portfolio_id = (await given.row(contract_id))["portfolio_id"]
        await client.post(f"/v1/portfolios/{portfolio_id}/return", json={"reason": "end"})


@pytest.mark.parametrize("reason", queries.SILENCES)
async def test_a_silenced_contract_is_not_given_and_a_silence_takes_it_back(
    client: httpx.AsyncClient, given: Given, reason: str
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(10), "900.00"))
    worklist_id = await worklist(client)
    item = await next_of(client, worklist_id)
    assert contracts_of(item) == [str(contract_id)]
    assert item is not None
    await silence(client, given, contract_id, reason)
    shown = (await client.get(f"/v1/desk-items/{item['item_id']}", headers=as_("ana"))).json()
    assert shown["state"] == "taken_back"
    assert reason in shown["contracts"][0]["silences"]
    assert await next_of(client, worklist_id) is None
    assert await next_of(client, worklist_id, "beto") is None
    [known] = await given.rows("SELECT state FROM desk_item")
    assert known["state"] == "taken_back"
    # The list holds nobody who cannot be given, and a new one takes nobody up.
    assert (await client.get(f"/v1/worklists/{worklist_id}/people")).json()["items"] == []
    assert (await client.get(f"/v1/worklists/{await worklist(client, 'again')}")).json()["people"] == 0


async def test_the_desk_is_silent_whenever_the_contract_shows_a_hold(client: httpx.AsyncClient, given: Given) -> None:
    """The reasons that the contract's page shows and those of the desk come from two places. Both must know them."""
    portfolio_id = await given.portfolio()
    worklist_id = await worklist(client)
    # A ladder holds for the whole portfolio, and the step is no hold of the contract's page.
    for reason in queries.SILENCES.keys() - {"step"}:
        contract_id = await given.contract(portfolio_id, (days_ago(10), "900.00"), phones=["+525555550001"])
        await silence(client, given, contract_id, reason)
        holds = {hold["reason"] for hold in (await client.get(f"/v1/contracts/{contract_id}")).json()["holds"]}
        rows = await given.rows(queries.CONTRACTS, [contract_id])
        assert holds <= set(rows[0]["silences"]), reason
    assert await next_of(client, worklist_id) is None


async def test_the_end_of_a_silence_brings_the_contract_back(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(10), "900.00"))
    collected = placed(contract_id, uuid4(), kind=PlacementKind.COLLECTION)
    aside = runtime.ContractSetAside(contract_id=contract_id, service="visits", consumer="visits")
    await receive(given, collected, aside)
    worklist_id = await worklist(client)
    assert await next_of(client, worklist_id) is None
    await receive(given, then(PlacementRecalled, collected))
    await receive(given, runtime.ContractReplayed(contract_id=contract_id, service="visits", consumer="visits"))
    at[0] += giving.FILLED_FOR
    assert await ask(client, worklist_id) == {"item": None, "filling": False}, "it was filled a moment ago"
    at[0] += timedelta(seconds=1)
    assert await ask(client, worklist_id) == {"item": None, "filling": True}
    await filled()
    assert contracts_of(await next_of(client, worklist_id)) == [str(contract_id)]


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"stages": ["early"]}, True),
        ({"stages": ["late", "legal"]}, False),
        ({"segments": ["chronic"]}, True),
        ({"segments": ["slow_payer"]}, False),
        ({"steps": ["reminder"]}, True),
        ({"steps": ["judicial_notice"]}, False),
        ({"overdue_balance": {"min": 900}}, True),
        ({"overdue_balance": {"max": 899}}, False),
        ({"debt_age_days": {"min": 10, "max": 10}}, True),
        ({"debt_age_days": {"min": 11}}, False),
        ({"promise_broken_days": 1}, True),
        ({"payment_claimed": True}, True),
        ({"no_contact_days": 3}, True),
        ({"no_contact_days": 4}, False),
        ({"address_to_review": True}, True),
        ({"stages": ["early"], "steps": ["judicial_notice"]}, False),
    ],
)
async def test_a_worklist_holds_whoever_meets_all_of_its_conditions(
    client: httpx.AsyncClient, given: Given, when: Json, fits: bool
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(10), "900.00"))
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET segment = 'chronic', step = 'reminder'")
        await tx.execute("INSERT INTO contact_day VALUES ($1, $2, 1, 1, 'refused')", contract_id, days_ago(3))
        await tx.execute("UPDATE address SET issues = '{unchecked}'")
    broken = promised(contract_id, due_on=days_ago(2), silent_until=days_ago(1))
    await receive(given, broken, dialer_feed.PaymentClaimed(contract_id=contract_id))
    await receive(given, later(PromiseBroken, broken))
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract_history SET business_date = $1 WHERE kind = 'payment_claimed'", days_ago(5))
    await given.contract(portfolio_id, (days_ago(-5), "900.00"))
    worklist_id = await worklist(client, **when)
    assert contracts_of(await next_of(client, worklist_id)) == ([str(contract_id)] if fits else [])


async def test_a_claim_that_was_paid_and_a_promise_of_last_week_are_no_more_than_history(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(10), "900.00"))
    broken = promised(contract_id, due_on=days_ago(9), silent_until=days_ago(8))
    await receive(given, broken, dialer_feed.PaymentClaimed(contract_id=contract_id))
    await receive(given, later(PromiseBroken, broken))
    await pay(client, contract_id, "1.00")
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract_history SET business_date = $1 WHERE kind = 'payment_claimed'", days_ago(5))
        await tx.execute("UPDATE payment SET business_date = $1, holdoff_from = $1, silent_until = NULL", days_ago(5))
    for when in ({"payment_claimed": True}, {"promise_broken_days": 1}):
        assert await next_of(client, await worklist(client, str(when), **when)) is None
    assert await next_of(client, await worklist(client)) is not None


async def test_an_outcome_is_an_attempt_on_each_contract_that_the_caps_count_once(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    portfolio_id = await given.portfolio()
    ids = [await given.contract(portfolio_id, (days_ago(9), m), debtor_number="D") for m in ("500.00", "400.00")]
    worklist_id = await worklist(client)
    item = await next_of(client, worklist_id)
    assert item is not None
    permit_id = uuid4()
    ended = await end(client, item, outcome="refused", note="no quiere hablar", permit_id=str(permit_id))
    assert ended.status_code == 201, ended.text
    assert (ended.json()["state"], ended.json()["notes"][0]["note"]) == ("worked", "no quiere hablar")
    events = await published(given.database, AttemptMade)
    assert [event.contract_id for event in events] == ids
    assert [event.permit_id for event in events] == [permit_id, None], "one call has one permit"
    assert [event.same_as for event in events] == [None, events[0].attempt_id]
    assert [event.attempts for event in events] == [1, 1]
    assert [tuple(row) for row in await given.rows("SELECT attempts, contacts FROM contact_day")] == [(1, 1), (1, 1)]
    # The person rests until the next day of the portfolio's zone.
    assert await next_of(client, worklist_id) is None
    at[0] = datetime(2026, 9, 11, 5, 59, tzinfo=UTC)
    assert await next_of(client, worklist_id) is None
    at[0] = datetime(2026, 9, 11, 6, 1, tzinfo=UTC)
    assert contracts_of(await next_of(client, worklist_id)) == [str(one) for one in ids]


async def test_an_item_is_rescheduled_released_or_noted(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(9), "500.00"))
    worklist_id = await worklist(client)
    item = await next_of(client, worklist_id)
    assert item is not None
    noted = await end(client, item, "notes", note="vive con su madre")
    assert [one["note"] for one in noted.json()["notes"]] == ["vive con su madre"]
    past = await end(client, item, "rescheduling", again_at=NOW.isoformat())
    assert (past.status_code, past.json()["errors"][0]["pointer"]) == (422, "/again_at")
    again_at = NOW + timedelta(hours=2)
    assert (await end(client, item, "rescheduling", again_at=again_at.isoformat())).json()["state"] == "rescheduled"
    assert await next_of(client, worklist_id) is None
    at[0] = again_at
    item = await next_of(client, worklist_id, "beto")
    assert item is not None
    assert item["notes"][0]["note"] == "vive con su madre"
    assert (await end(client, item, "release", "beto")).json()["state"] == "released"
    assert await next_of(client, worklist_id, "beto") is None
    lines = (await client.get(f"/v1/contracts/{contract_id}/history", headers={"Accept-Language": "es"})).json()
    assert [line["summary"] for line in lines["items"]] == [
        "Nuestra gente volverá a intentarlo a partir del 10/09/2026 14:00"
    ]
    assert "madre" not in str(lines)


async def test_only_a_supervisor_decides_and_sees_the_others(client: httpx.AsyncClient, given: Given) -> None:
    await given.contract(await given.portfolio(), (days_ago(9), "500.00"))
    worklist_id = await worklist(client)
    item = await next_of(client, worklist_id)
    assert item is not None
    at = f"/v1/desk-items/{item['item_id']}"
    other = await client.get(at, headers=as_("beto"))
    assert (other.status_code, code_of(other)) == (403, "of-another-operator")
    assert code_of(await end(client, item, "outcome", "beto")) == "of-another-operator"
    assert (await client.get(at, headers=as_("sara", supervisor=True))).status_code == 200
    assert (await end(client, item, "escalation", reason="pide quita")).json()["state"] == "escalated"
    assert await next_of(client, worklist_id, "beto") is None
    decision = {"decision": "back", "note": "hasta 10 %"}
    assert code_of(await client.post(f"{at}/decision", json=decision, headers=as_("ana"))) == "supervisor-needed"
    sara = as_("sara", supervisor=True)
    decided = await client.post(f"{at}/decision", json=decision, headers=sara)
    assert (decided.json()["state"], decided.json()["decided_by"]["subject"]) == ("decided", "sara")
    assert code_of(await client.post(f"{at}/decision", json=decision, headers=sara)) == "not-escalated"
    again = await next_of(client, worklist_id, "beto")
    assert again is not None
    assert again["notes"][0]["note"] == "hasta 10 %"
    assert [one["operator"] for one in (await client.get("/v1/desk-items", headers=sara)).json()["items"]] == [
        "ana",
        "beto",
    ]
    own = (await client.get("/v1/desk-items", headers=as_("ana"))).json()["items"]
    assert [one["state"] for one in own] == ["decided"]
    assert (await client.get("/v1/desk-items?operator=beto", headers=as_("ana"))).status_code == 403


async def test_productivity_counts_what_operators_did(
    client: httpx.AsyncClient, given: Given, at: list[datetime]
) -> None:
    portfolio_id = await given.portfolio()
    for amount in ("500.00", "400.00", "300.00"):
        await given.contract(portfolio_id, (days_ago(9), amount))
    worklist_id = await worklist(client)
    for outcome in ("right_party", "no_answer"):
        item = await next_of(client, worklist_id)
        assert item is not None
        at[0] += timedelta(minutes=3)
        await end(client, item, outcome=outcome)
    await next_of(client, worklist_id, "beto")
    figures = await client.get(
        "/v1/desk-productivity?from=2026-09-10&to=2026-09-10", headers=as_("sara", supervisor=True)
    )
    ana, beto = figures.json()
    counted = ("operator", "items", "attempts", "contacts", "minutes_an_item")
    assert [ana[name] for name in counted] == ["ana", 2, 2, 1, 3.0]
    assert [beto[name] for name in counted] == ["beto", 1, 0, 0, None]
    own = await client.get("/v1/desk-productivity?from=2026-09-10&to=2026-09-10", headers=as_("beto"))
    assert own.json() == [beto]


async def test_the_cure_rate_is_that_of_the_segment_and_age_once_enough_have_ended(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    ids = [await given.contract(portfolio_id, (days_ago(40), "100.00")) for _ in range(26)]
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract SET segment = CASE WHEN contract_id = $1 THEN 'slow' ELSE 'fast' END", ids[0])
    await worklist(client)

    async def rate(contract_id: UUID) -> tuple[str, int | None]:
        [row] = await given.rows(queries.CONTRACTS, [contract_id])
        return str(row["cure_rate"]), row["cure_rate_of"]

    assert await rate(ids[25]) == ("0.50", None), "nobody is cured yet, because nobody has been watched"
    for contract_id in ids[:20]:
        await pay(client, contract_id, "100.00")
    other = await given.contract(portfolio_id, (days_ago(5), "100.00"))

    async def counted_anew(name: str) -> None:
        async with given.database.transaction() as tx:
            await tx.execute("UPDATE cure_rate SET day = day - 1")
        await worklist(client, name)

    await counted_anew("next day")
    # Of 26 that were so late 20 are current again; of the segment only 19 are.
    assert await rate(ids[25]) == ("0.7692", 26)
    assert await rate(other) == ("0.7407", 27)
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contract_movement SET segment = 'fast' WHERE age_days = 40")
    await counted_anew("day after")
    [row] = await given.rows("SELECT known, ended, cured FROM cure_rate WHERE segment = 'fast' AND age_from = 31")
    assert tuple(row) == (26, 20, 20)


async def test_a_worklist_changes_and_retires(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    await given.contract(portfolio_id, (days_ago(40), "100.00"))
    worklist_id = await worklist(client)
    at = f"/v1/worklists/{worklist_id}"
    taken = await client.post("/v1/worklists", json={"name": "all", "when": {}})
    assert (taken.status_code, code_of(taken)) == (409, "worklist-known")
    unknown = await client.post("/v1/worklists", json={"name": "x", "when": {}, "portfolio_ids": [str(uuid4())]})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/portfolio_ids")
    changed = await client.patch(at, json={"when": {"stages": ["early"]}, "name": "early"})
    assert (changed.json()["name"], changed.json()["filling"]) == ("early", True)
    await filled()
    assert (await client.get(at)).json()["people"] == 0
    retired = await client.patch(at, json={"active": False})
    assert retired.json()["active"] is False
    assert (await client.get("/v1/worklists")).json() == []
    assert len((await client.get("/v1/worklists?retired=true")).json()) == 1
    refused = await client.post(f"{at}/next")
    assert (refused.status_code, code_of(refused)) == (409, "worklist-retired")
    assert code_of(await client.post(f"/v1/worklists/{uuid4()}/next")) == "worklist-unknown"
    assert code_of(await client.get(f"/v1/desk-items/{uuid4()}")) == "desk-item-unknown"


async def test_a_worklist_keeps_to_its_portfolios(client: httpx.AsyncClient, given: Given) -> None:
    mine, other = await given.portfolio(), await given.portfolio()
    both = [await given.contract(one, (days_ago(40), "100.00"), debtor_number="D") for one in (mine, other)]
    await given.contract(other, (days_ago(40), "500.00"))
    body = {"name": "mine", "when": {}, "portfolio_ids": [str(mine)]}
    worklist_id = (await client.post("/v1/worklists", json=body)).json()["worklist_id"]
    await filled()
    item = await next_of(client, worklist_id)
    # One conversation is about all that the person owes.
    assert sorted(contracts_of(item)) == sorted(map(str, both))
    assert await next_of(client, worklist_id, "beto") is None
