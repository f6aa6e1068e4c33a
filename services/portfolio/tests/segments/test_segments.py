"""Segments: the first rule that fits, at once after a payment and a broken promise, in the daily run, and in files."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from events_of_other_services import later, promised, receive, visited
from portfolio.ledger.marking import mark
from portfolio.stages import daily_run
from portfolio.strategy import judging
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import CallCompleted, CallDirection, Disposition
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised, ContractSegmentChanged
from recobro_events.contracts.promises import PromiseBroken, PromiseKept
from recobro_events.testing import published
from service_client import ServiceClient, row

CHRONIC = {"segment": "chronic", "when": {"instalments_behind": {"min": 2}}}
REST = {"segment": "rest", "when": {"episodes": {"min": 1}}}


async def judged(given: Given) -> None:
    """Let the background worker do all that waits."""
    while await judging.work(given.database):
        pass


async def put_rules(client: httpx.AsyncClient, portfolio_id: UUID, *rules: dict[str, Any]) -> dict[str, Any]:
    answer = await client.put(f"/v1/portfolios/{portfolio_id}/segment-rules", json={"rules": rules})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def segment(client: httpx.AsyncClient, contract_id: UUID) -> dict[str, Any]:
    answer = await client.get(f"/v1/contracts/{contract_id}/segment")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def segments(given: Given, contract_ids: Sequence[UUID]) -> list[str | None]:
    return [(await given.row(contract_id))["segment"] for contract_id in contract_ids]


def call(contract_id: UUID, **changes: Any) -> CallCompleted:
    fields: dict[str, Any] = {
        "contract_id": contract_id,
        "call_id": str(uuid4()),
        "list_id": uuid4(),
        "agent": "a1",
        "started_at": datetime.now(UTC),
        "duration_seconds": 30,
        "disposition": Disposition.RIGHT_PARTY,
        "right_party": True,
    }
    return CallCompleted(**(fields | changes))


async def test_the_default_rules_know_the_four_segments_of_the_trade(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    first = await given.contract(portfolio_id, (days_ago(5), "100.00"), (days_ago(-25), "100.00"))
    current = await given.contract(portfolio_id, (days_ago(-5), "100.00"))
    ruined = await given.contract(portfolio_id, *((days_ago(200 - n), "100.00") for n in range(3)))
    slow = await given.contract(portfolio_id, *((days_ago(40 - 10 * n), "100.00") for n in range(4)))
    await pay(client, slow, "300.00", paid_on=str(days_ago(10)))
    again = await given.contract(portfolio_id, (days_ago(9), "1.00"), (days_ago(8), "1.00"))
    await given.rows("UPDATE contract SET episode = 3 WHERE contract_id = $1 RETURNING 1", again)
    await judged(given)
    found = await segments(given, [first, current, ruined, slow, again])
    assert found == ["first_default", None, "insolvent", "slow_payer", "chronic"]
    answer = await segment(client, slow)
    assert (answer["place"], answer["rules_version"], answer["since"]) == (4, 0, str(TODAY))
    assert answer["words"] == {"es": "Pagador lento", "pt": "Pagador lento", "en": "Slow payer"}
    assert answer["rule"]["when"]["average_late_days"] == {"min": 5, "max": None}
    facts = answer["facts"]
    assert (facts["paid_instalments"], facts["paid_late"], facts["average_late_days"]) == (3, 3, 20)
    assert (facts["instalments_behind"], facts["paid_percent"], facts["days_since_contact"]) == (1, 75, None)


async def test_the_first_rule_that_fits_decides(client: httpx.AsyncClient, given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(9), "1.00"), (days_ago(8), "1.00"))
    await put_rules(client, portfolio_id, CHRONIC, REST)
    await judged(given)
    assert await segments(given, [contract_id]) == ["chronic"]
    await put_rules(client, portfolio_id, REST, CHRONIC)
    await judged(given)
    assert await segments(given, [contract_id]) == ["rest"]
    events = await published(given.database, ContractSegmentChanged)
    assert [(e.from_segment, e.to_segment, e.rule, e.rules_version) for e in events] == [
        (None, "chronic", 1, 1),
        ("chronic", "rest", 1, 2),
    ]
    assert events[-1].version == (await given.row(contract_id))["version"]
    lines = await given.rows("SELECT data FROM contract_history WHERE kind = 'segment_changed' ORDER BY history_id")
    assert [line["data"]["to_segment"] for line in lines] == ["chronic", "rest"]


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({}, True),
        ({"episodes": {"min": 1, "max": 1}}, True),
        ({"episodes": {"min": 2}}, False),
        ({"instalments_behind": {"max": 2}}, True),
        ({"instalments_behind": {"max": 1}}, False),
        ({"days_past_due": {"min": 40, "max": 40}}, True),
        ({"debt_age_days": {"min": 41}}, False),
        ({"total_balance": {"min": 250}}, False),
        ({"total_balance": {"max": 250}}, True),
        ({"overdue_balance": {"min": 150}}, True),
        ({"overdue_balance": {"min": 151}}, False),
        ({"paid_instalments": {"min": 1}}, True),
        ({"paid_late": {"max": 0}}, False),
        ({"average_late_days": {"min": 30, "max": 30}}, True),
        ({"paid_percent": {"min": 34}}, False),
        ({"broken_promises": {"max": 0}}, True),
        ({"days_since_payment": {"max": 20}}, True),
        ({"days_since_payment": {"min": 21}}, False),
        ({"days_since_contact": {"min": 999}}, True),
        ({"days_since_contact": {"max": 999}}, False),
        ({"debtor_status": ["active", "deceased"]}, True),
        ({"debtor_status": ["insolvent"]}, False),
    ],
)
async def test_a_rule_fits_when_every_condition_is_met(
    client: httpx.AsyncClient, given: Given, when: dict[str, Any], fits: bool
) -> None:
    """Of 100 due 50 days ago, paid 30 days late; 100 due 40 and 50 due 10 days ago; 50 due later, and 49.99 more."""
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(
        portfolio_id,
        (days_ago(50), "100.00"),
        (days_ago(40), "100.00"),
        (days_ago(10), "50.00"),
        (days_ago(-9), "49.99"),
    )
    await pay(client, contract_id, "100.00", paid_on=str(days_ago(20)))
    await put_rules(client, portfolio_id, {"segment": "it", "when": when})
    assert (await segment(client, contract_id))["rule"] is not None or not fits
    await judged(given)
    assert await segments(given, [contract_id]) == ["it" if fits else None]


@pytest.mark.parametrize(
    ("rules", "pointer"),
    [
        ([{"segment": "A B", "when": {}}], "/rules/0/segment"),
        ([{"segment": "a", "when": {"episodes": {}}}], "/rules/0/when/episodes"),
        ([{"segment": "a", "when": {"episodes": {"min": 2, "max": 1}}}], "/rules/0/when/episodes"),
        ([{"segment": "a", "when": {"moon": {"min": 2}}}], "/rules/0/when/moon"),
        ([{"segment": "a", "when": {"debtor_status": ["poor"]}}], "/rules/0/when/debtor_status/0"),
        ([CHRONIC] * 51, "/rules"),
    ],
)
async def test_a_bad_rule_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, given: Given, rules: list[dict[str, Any]], pointer: str
) -> None:
    portfolio_id = await given.portfolio()
    answer = await client.put(f"/v1/portfolios/{portfolio_id}/segment-rules", json={"rules": rules})
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    held = (await client.get(f"/v1/portfolios/{portfolio_id}/segment-rules")).json()
    assert (held["version"], len(held["rules"]), held["applied"]) == (0, 5, True)


async def test_a_payment_its_reversal_and_a_broken_promise_judge_the_contract_at_once(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(9), "100.00"), (days_ago(8), "100.00"))
    unreliable = {"segment": "unreliable", "when": {"broken_promises": {"min": 1}}}
    await put_rules(client, portfolio_id, unreliable, CHRONIC)
    await judged(given)
    paid = await pay(client, contract_id, "100.00")
    assert await segments(given, [contract_id]) == ["chronic"]
    await judged(given)
    assert await segments(given, [contract_id]) == [None]
    await reverse(client, paid["payment_id"])
    await judged(given)
    assert await segments(given, [contract_id]) == ["chronic"]
    promise = promised(contract_id)
    broken = later(PromiseBroken, promise)
    await receive(given, promise)
    await receive(given, broken)
    await judged(given)
    assert await segments(given, [contract_id]) == ["unreliable"]
    await receive(given, later(PromiseKept, broken, paid=Decimal("80.00")))
    await judged(given)
    assert await segments(given, [contract_id]) == ["chronic"]


async def test_calls_and_visits_tell_when_the_debtor_was_last_reached(client: httpx.AsyncClient, given: Given) -> None:
    """A report that is a day late counts for the day before; nobody home reaches nobody."""
    portfolio_id = await given.portfolio()
    contract_id, other = [await given.contract(portfolio_id, (days_ago(9), "100.00")) for _ in range(2)]
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await receive(
        given,
        call(contract_id, started_at=yesterday, also=(other,)),
        call(contract_id, disposition=Disposition.NO_ANSWER, right_party=False),
    )
    assert (await segment(client, contract_id))["facts"]["days_since_contact"] == 1
    assert (await segment(client, other))["facts"]["days_since_contact"] == 1
    await receive(given, call(other, direction=CallDirection.INBOUND), visited(contract_id))
    days = await given.rows("SELECT attempts, contacts FROM contact_day ORDER BY day, attempts")
    assert [tuple(each) for each in days] == [(1, 1), (1, 1), (0, 1), (2, 1)]
    assert (await segment(client, contract_id))["facts"]["days_since_contact"] == 0


async def test_the_daily_run_judges_what_time_alone_changes_on_its_day(client: httpx.AsyncClient, given: Given) -> None:
    """Nothing else happens on these days, and the run still stops at each."""
    portfolio_id = await given.portfolio()
    old = {"segment": "old", "when": {"debt_age_days": {"min": 107}}}
    aging = {"segment": "aging", "when": {"debt_age_days": {"min": 104, "max": 105}}}
    await put_rules(client, portfolio_id, old, aging)
    contract_id = await given.contract(portfolio_id, (days_ago(100), "100.00"))
    await judged(given)
    await daily_run.advance(given.database, portfolio_id, days_ago(-30))
    events = await published(given.database, ContractSegmentChanged)
    assert [event.to_segment for event in events] == ["aging", None, "old"]
    lines = await given.rows(
        "SELECT business_date FROM contract_history WHERE contract_id = $1 AND kind = 'segment_changed'"
        " ORDER BY history_id",
        contract_id,
    )
    assert [line["business_date"] for line in lines] == [days_ago(-4), days_ago(-6), days_ago(-7)]


async def test_the_trial_of_rules_shows_what_would_change_and_changes_nothing(
    client: httpx.AsyncClient, given: Given
) -> None:
    portfolio_id = await given.portfolio()
    for number in ("A", "B"):
        await given.contract(portfolio_id, (days_ago(9), "100.00"), (days_ago(8), "50.00"), number=number)
    await given.contract(portfolio_id, (days_ago(-9), "100.00"), number="C")
    await judged(given)
    before = await given.everything()
    path = f"/v1/portfolios/{portfolio_id}/segment-rules/trial"
    tried = await client.post(path, json={"rules": [CHRONIC]})
    assert tried.status_code == 200, tried.text
    assert (tried.json()["contracts"], tried.json()["changed"]) == (3, 2)
    assert tried.json()["moves"] == [
        {
            "from_segment": "first_default",
            "to_segment": "chronic",
            "contracts": 2,
            "overdue_balance": "300.00",
            "contract_numbers": ["A", "B"],
        }
    ]
    now = (await client.get(path)).json()
    assert (now["contracts"], now["changed"]) == (3, 0)
    assert await given.everything() == before


async def test_rules_that_another_person_has_changed_are_not_replaced(client: httpx.AsyncClient, given: Given) -> None:
    path = f"/v1/portfolios/{await given.portfolio()}/segment-rules"

    async def put(**changes: Any) -> tuple[int, str | None]:
        answer = await client.put(path, json={"rules": [CHRONIC]} | changes)
        return answer.status_code, answer.json().get("type", "").rpartition(":")[2]

    assert await put(replaces=0) == (200, "")
    assert await put(rules=[REST], replaces=0) == (409, "rules-changed")
    held = (await client.get(path)).json()
    assert (held["version"], [rule["segment"] for rule in held["rules"]]) == (1, ["chronic"])
    assert await put(rules=[REST], replaces=1) == (200, "")
    assert await put() == (200, ""), "without a version any is replaced"
    assert (await put(replaces=-1))[0] == 422


async def test_a_file_states_the_segment_with_the_new_contract(service: ServiceClient) -> None:
    """Assignment places a contract by its first event, so the segment must be in it."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", due_date="2026-08-11"))
    [registered] = await published(service.database, ContractRegistered)
    assert registered.segment == "first_default"
    await service.load(portfolio_id, row("C-1", due_date="2026-10-11"), as_of="2026-09-10")
    assert [event.segment for event in await published(service.database, ContractRevised)][-1] is None
    assert await published(service.database, ContractSegmentChanged) == []


async def test_a_contract_that_somebody_holds_is_judged_when_it_is_free(given: Given) -> None:
    portfolio_id = await given.portfolio()
    held, free = [await given.contract(portfolio_id, (days_ago(9), "100.00")) for _ in range(2)]
    async with given.database.transaction() as tx:
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", held)
        async with asyncio.timeout(240):
            await judged(given)
        assert await segments(given, [held, free]) == [None, "first_default"]
    await judged(given)
    assert await segments(given, [held, free]) == ["first_default", "first_default"]


async def test_a_change_while_a_contract_is_judged_is_judged_afterwards(given: Given) -> None:
    """A mark that the judge has not seen stays, whatever becomes of those that it has seen."""
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(9), "100.00"))
    async with given.database.transaction() as tx:
        await judging.judge_changed(tx, portfolio_id)
        async with given.database.transaction() as other:
            await mark(other, [contract_id])
    assert len(await given.rows("SELECT FROM judging_mark")) == 1
    await judged(given)
    assert await given.rows("SELECT FROM judging_mark") == []


async def test_new_rules_reach_contracts_chunk_by_chunk_also_after_a_crash(
    client: httpx.AsyncClient, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "CHUNK_CONTRACTS", 2)
    portfolio_id = await given.portfolio()
    ids = [await given.contract(portfolio_id, (days_ago(9), "100.00")) for _ in range(5)]
    await judged(given)
    assert not (await put_rules(client, portfolio_id, REST))["applied"]
    await judging.work(given.database)
    assert sorted(await segments(given, ids), key=str) == ["first_default"] * 3 + ["rest"] * 2
    await judged(given)
    assert await segments(given, ids) == ["rest"] * 5
    assert (await client.get(f"/v1/portfolios/{portfolio_id}/segment-rules")).json()["applied"]
    assert len(await published(given.database, ContractSegmentChanged)) == 10


async def test_a_closed_contract_keeps_its_segment(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(9), "100.00"))
    await judged(given)
    await pay(client, contract_id, "100.00")
    await judged(given)
    assert await segments(given, [contract_id]) == ["first_default"]


async def test_a_portfolio_whose_contracts_cannot_be_judged_keeps_no_other_one_waiting(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolios = sorted([await given.portfolio(), await given.portfolio()])
    ids = [await given.contract(one, (days_ago(9), "100.00")) for one in portfolios]
    change = judging.judge_changed

    async def failing(tx: Transaction, portfolio_id: UUID) -> bool:
        if portfolio_id == portfolios[0]:
            raise ZeroDivisionError
        return await change(tx, portfolio_id)

    monkeypatch.setattr(judging, "judge_changed", failing)
    with pytest.raises(ZeroDivisionError):
        await judging.work(given.database)
    assert await segments(given, ids) == [None, "first_default"]
    monkeypatch.undo()
    await judged(given)
    assert await segments(given, ids) == ["first_default", "first_default"]
