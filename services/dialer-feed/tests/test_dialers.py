"""What dialers report silences at once, is told to the portfolio, and is counted."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from dialer_feed.acknowledgements import acknowledge
from dialing_scene import DAY, Contract, Scene, blocked_on_a_lock
from recobro_events import Event
from recobro_events.contracts.dialer_feed import (
    CallCompleted,
    ClarificationRequested,
    ContactInvalid,
    DebtorReported,
    OptOutRequested,
    PaymentClaimed,
    WithdrawalAcknowledged,
    WrongfulCallDetected,
)
from recobro_events.testing import published

Json = dict[str, Any]


async def report(client: httpx.AsyncClient, list_id: uuid.UUID, contract: Contract, reason: str, **more: str) -> Json:
    body = {"contract_number": contract.number, "reason": reason, **more}
    answer = await client.post(f"/v1/lists/{list_id}/withdrawals", json=body)
    assert answer.status_code == 201, answer.text
    said: Json = answer.json()
    return said


def call(list_id: uuid.UUID, contract: Contract, disposition: str = "no_answer", **changes: Any) -> Json:
    return {
        "call_id": str(uuid.uuid4()),
        "list_id": str(list_id),
        "contract_number": contract.number,
        "phone": contract.phones[0].value,
        "agent": "ana",
        "started_at": datetime.now(UTC).isoformat(),
        "duration_seconds": 30,
        "disposition": disposition,
    } | changes


async def tell(client: httpx.AsyncClient, *calls: Json) -> Json:
    answer = await client.post("/v1/calls", json=list(calls))
    assert answer.status_code == 202, answer.text
    said: Json = answer.json()
    return said


ASKED: dict[str, tuple[type[Event], Json]] = {
    "clarification": (ClarificationRequested, {"detail": "says it is paid", "reported_by": "test"}),
    "deceased": (DebtorReported, {"status": "deceased", "reported_by": "test"}),
    "represented": (DebtorReported, {"status": "represented", "reported_by": "test"}),
    "payment_claimed": (PaymentClaimed, {"detail": "says it is paid"}),
}


@pytest.mark.parametrize("reason", ASKED)
async def test_a_report_withdraws_everywhere_silences_and_asks_the_portfolio(
    scene: Scene, client: httpx.AsyncClient, reason: str
) -> None:
    reported, other = await scene.contracts(2)
    list_id = await scene.built()
    elsewhere = await scene.built(campaign_id=await scene.campaign())

    said = await report(client, list_id, reported, reason, detail="says it is paid")

    assert (said["cursor"], said["contract_number"], said["reason"]) == (1, reported.number, reason)
    for live in (list_id, elsewhere):
        assert await scene.listed(live) == [other.number]
        assert await scene.withdrawals(live) == [(reported.number, reason)]
    event_type, fields = ASKED[reason]
    [event] = await published(scene.database, event_type)
    assert event.key == str(reported.contract_id)
    assert fields.items() <= event.model_dump(mode="json").items()
    assert await scene.listed(await built_while_unanswered(scene)) == [other.number]


@pytest.mark.parametrize(("reason", "event_type"), [("wrong_number", ContactInvalid), ("opted_out", OptOutRequested)])
async def test_a_number_that_is_reported_is_not_dialled_again(
    scene: Scene, client: httpx.AsyncClient, reason: str, event_type: type[ContactInvalid | OptOutRequested]
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await report(client, list_id, contract, reason, phone="55 1234 5601")
    assert await scene.withdrawals(list_id) == [(contract.number, reason)]
    events = await published(scene.database, event_type)
    assert [event.contact_id for event in events] == [contract.phones[0].contact_id]

    during = await built_while_unanswered(scene)
    [entry] = await scene.rows("SELECT contact_ids FROM list_entry WHERE list_id = $1", during)
    assert entry["contact_ids"] == [contract.phones[1].contact_id]


@pytest.mark.parametrize("reason", ["wrong_number", "opted_out"])
async def test_without_a_phone_all_numbers_of_the_entry_are_meant(
    scene: Scene, client: httpx.AsyncClient, reason: str
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await report(client, list_id, contract, reason)
    invalid, opted_out = (
        await published(scene.database, ContactInvalid),
        await published(scene.database, OptOutRequested),
    )
    assert [event.contact_id for event in invalid or opted_out] == [phone.contact_id for phone in contract.phones]
    assert await scene.listed(await built_while_unanswered(scene)) == []


async def built_while_unanswered(scene: Scene) -> uuid.UUID:
    """A list whose barrier was asked for before what dialers report now: the portfolio has not decided on it yet."""
    campaign_id = await scene.campaign()
    barrier_id = uuid.uuid4()
    await scene.execute(
        "INSERT INTO barrier (barrier_id, state, sources, rounds) VALUES ($1, 'reached', ARRAY['portfolio'], 4)",
        barrier_id,
    )
    [row] = await scene.rows(
        "INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id) VALUES ($1, $2, 'building', $3)"
        " RETURNING list_id",
        campaign_id,
        DAY,
        barrier_id,
    )
    await scene.advance()
    list_id: uuid.UUID = row["list_id"]
    return list_id


@pytest.mark.parametrize("reason", ["clarification", "deceased", "represented", "wrong_number", "opted_out"])
async def test_a_report_holds_until_the_portfolio_has_decided_and_not_longer(
    scene: Scene, client: httpx.AsyncClient, reason: str
) -> None:
    """The portfolio answers nothing: it decided otherwise. The barrier asked for after the report tells that it did."""
    [contract] = await scene.contracts(1)
    await report(client, await scene.built(), contract, reason)
    assert await scene.listed(await built_while_unanswered(scene)) == []
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [contract.number]


async def test_a_claimed_payment_is_silent_as_long_as_a_payment(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    await report(client, await scene.built(), contract, "payment_claimed")
    for days, expected in ((0, []), (2, []), (3, [contract.number])):
        day = DAY + timedelta(days=days)
        await scene.portfolio(business_date=day)
        assert await scene.listed(await scene.built(day, await scene.campaign())) == expected, days


async def test_other_holds_for_its_list_only(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    elsewhere = await scene.built(campaign_id=await scene.campaign())
    await report(client, list_id, contract, "other", detail="has a cold")
    assert await scene.withdrawals(list_id) == [(contract.number, "other")]
    assert await scene.listed(elsewhere) == [contract.number]
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [contract.number]


async def test_what_is_withdrawn_already_answers_with_the_first_and_asks_the_portfolio_still(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.receives(contract.paid())
    said = await report(client, list_id, contract, "deceased")
    assert (said["cursor"], said["reason"]) == (1, "payment")
    assert len(await published(scene.database, DebtorReported)) == 1
    assert len(await scene.withdrawn_events()) == 1


async def test_a_contract_that_is_not_on_the_list_is_refused(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.contracts(1)
    list_id = await scene.built()
    unlisted = scene.contract(overdue=1)
    answer = await client.post(
        f"/v1/lists/{list_id}/withdrawals", json={"contract_number": unlisted.number, "reason": "other"}
    )
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:recobro:problem:not-on-list")


async def test_a_phone_that_is_not_the_contracts_changes_nothing(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    for phone in ("+525599999999", "nobody's", "+52"):
        body = {"contract_number": contract.number, "reason": "opted_out", "phone": phone}
        answer = await client.post(f"/v1/lists/{list_id}/withdrawals", json=body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:recobro:problem:phone-unknown")
    assert await scene.listed(list_id) == [contract.number]
    assert await published(scene.database, OptOutRequested) == []


async def test_acknowledgements_are_told_once_per_withdrawal_and_dialer(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contracts = await scene.contracts(3)
    list_id = await scene.built()
    for contract in contracts:
        await scene.receives(contract.paid())

    async def up_to(cursor: int) -> httpx.Response:
        return await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": cursor})

    answer = await up_to(2)
    assert (answer.status_code, answer.json()["cursor"], answer.json()["newly_acknowledged"]) == (200, 2, 2)
    assert (await up_to(1)).json()["newly_acknowledged"] == 0
    assert (await up_to(3)).json()["newly_acknowledged"] == 1
    beyond = await up_to(4)
    assert (beyond.status_code, beyond.json()["type"]) == (422, "urn:recobro:problem:cursor-beyond-last")
    events = await published(scene.database, WithdrawalAcknowledged)
    assert [(event.contract_id, event.dialer_id) for event in events] == [(c.contract_id, "test") for c in contracts]


async def test_the_same_acknowledgement_twice_at_once_is_told_once(scene: Scene) -> None:
    contracts = await scene.contracts(2)
    list_id = await scene.built()
    await scene.receives(*(contract.paid() for contract in contracts))

    async def again() -> int:
        async with scene.database.transaction() as tx:
            return (await acknowledge(tx, list_id, "dialer", 2)).newly_acknowledged

    async with scene.database.transaction() as tx:
        assert (await acknowledge(tx, list_id, "dialer", 2)).newly_acknowledged == 2
        repeating = asyncio.create_task(again())
        await blocked_on_a_lock(scene, "FROM contract WHERE contract_id = ANY")
    assert await repeating == 0
    assert len(await published(scene.database, WithdrawalAcknowledged)) == 2


async def test_calls_are_counted_once_and_rejected_one_by_one(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    good = call(list_id, contract, "right_party", phone="(55) 1234-5601")
    said = await tell(
        client,
        good,
        good,
        call(uuid.uuid4(), contract, call_id="no-list"),
        call(list_id, scene.contract(), call_id="no-entry"),
        call(list_id, contract, call_id="no-phone", phone="+525599999999"),
        call(list_id, contract, call_id="future", started_at="2099-01-01T00:00:00Z"),
    )
    assert said["accepted"] == 1
    assert [(refusal["call_id"], refusal["code"]) for refusal in said["rejected"]] == [
        ("no-list", "list-unknown"),
        ("no-entry", "not-on-list"),
        ("no-phone", "phone-unknown"),
        ("future", "starts-in-the-future"),
    ]
    assert await tell(client, good) == {"accepted": 1, "rejected": []}
    [event] = await published(scene.database, CallCompleted)
    assert (event.call_id, event.contact_id, event.right_party) == (
        good["call_id"],
        contract.phones[0].contact_id,
        True,
    )
    assert len(await scene.rows("SELECT FROM call_result")) == 1


@pytest.mark.parametrize(
    ("disposition", "event_type"),
    [
        ("payment_claimed", PaymentClaimed),
        ("clarification", ClarificationRequested),
        ("wrong_number", ContactInvalid),
        ("opted_out", OptOutRequested),
        ("deceased", DebtorReported),
        ("represented", DebtorReported),
    ],
)
async def test_a_call_that_ends_like_a_reason_acts_like_it(
    scene: Scene, client: httpx.AsyncClient, disposition: str, event_type: type[Event]
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    ended = call(list_id, contract, disposition)
    await tell(client, ended)
    await tell(client, ended)
    assert await scene.withdrawals(list_id) == [(contract.number, disposition)]
    assert len(await published(scene.database, event_type)) == 1
    assert await published(scene.database, WrongfulCallDetected) == []


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_a_call_after_the_withdrawal_is_wrongful(
    scene: Scene, client: httpx.AsyncClient, acknowledged: bool
) -> None:
    paid, other = await scene.contracts(2)
    list_id = await scene.built()
    before = datetime.now(UTC) - timedelta(minutes=1)
    await scene.receives(paid.paid())
    if acknowledged:
        await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": 1})
    await tell(
        client,
        call(list_id, paid, call_id="before", started_at=before.isoformat()),
        call(list_id, paid, call_id="after"),
        call(list_id, other, call_id="fine"),
    )
    [event] = await published(scene.database, WrongfulCallDetected)
    assert event.call_id == "after"
    assert event.called_at > event.withdrawn_at
    answer = await client.get("/v1/withdrawal-report", params={"list_id": str(list_id)})
    report = answer.json()
    assert (report["wrongful_calls"], report["wrongful_calls_after_acknowledgement"]) == (1, int(acknowledged))


async def test_the_report_measures_to_the_list_and_to_each_dialer(scene: Scene, client: httpx.AsyncClient) -> None:
    contracts = await scene.contracts(4)
    list_id = await scene.built()
    path = f"/v1/withdrawal-report?list_id={list_id}"
    empty = {"p50": None, "p95": None, "p99": None, "max": None}
    none_yet = (await client.get(path)).json()
    assert (none_yet["withdrawn"], none_yet["seconds_to_list"]) == (0, empty)
    for contract in contracts:
        await scene.receives(contract.paid())
    await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": 3})
    await scene.execute(
        "UPDATE list_entry SET caused_at = '2026-01-01T00:00:00Z', withdrawn_at = '2026-01-01T00:00:00Z'::timestamptz"
        " + cursor * interval '0.25 second'"
    )
    await scene.execute("UPDATE acknowledgement SET acknowledged_at = '2026-01-01T00:00:05Z'")
    report = (await client.get(path)).json()
    assert report["withdrawn"] == 4
    assert report["seconds_to_list"] == {"p50": 0.5, "p95": 1.0, "p99": 1.0, "max": 1.0}
    assert report["seconds_to_acknowledgement"] == {"p50": 5.0, "p95": 5.0, "p99": 5.0, "max": 5.0}


@pytest.mark.parametrize(
    ("campaign", "jurisdiction", "calls", "listed"),
    [
        ({}, "MX", 6, True),
        ({}, "MX", 7, False),
        ({"max_attempts_per_7_days": 2}, "MX", 2, False),
        ({"max_attempts_per_7_days": 9}, "MX", 8, True),
        ({"max_attempts_per_7_days": 9}, "US", 7, False),
    ],
)
async def test_call_frequency_bars_from_the_next_list_and_never_withdraws(
    scene: Scene, client: httpx.AsyncClient, campaign: Json, jurisdiction: str, calls: int, listed: bool
) -> None:
    """It belongs to the debtor: calls about one contract count for the other."""
    one, two = await scene.contracts(2, jurisdiction=jurisdiction, debtor_id=uuid.uuid4())
    if jurisdiction == "US":
        for contract in (one, two):
            contract.phones[0].value = "+12025550123"
            contract.phones[0].version += 1
            await scene.receives(contract.revised())
    list_id = await scene.built()
    await tell(client, *(call(list_id, one if n % 2 else two) for n in range(calls)))
    assert await scene.listed(list_id) == [one.number, two.number]
    expected = [one.number, two.number] if listed else []
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign(**campaign))) == expected

    after_a_week = DAY + timedelta(days=7)
    await scene.portfolio(business_date=after_a_week)
    assert await scene.listed(await scene.built(after_a_week)) == [one.number, two.number]


async def test_days_of_silence_follow_a_conversation_where_the_law_says_so(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    mexican, american = await scene.contracts(1), await scene.contracts(1, jurisdiction="US")
    american[0].phones[0].value = "+12025550123"
    american[0].phones[0].version += 1
    await scene.receives(american[0].revised())
    list_id = await scene.built()
    await tell(client, call(list_id, mexican[0], "right_party"), call(list_id, american[0], "right_party"))
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [mexican[0].number]
