"""A dialer's report silences at once and is published for the portfolio."""

import json
import uuid
from datetime import date, timedelta

import httpx
import pytest
from dialing_requests import Json, report
from dialing_scene import DAY, Scene
from recobro_events import Event
from recobro_events.contracts.dialer_feed import (
    ClarificationRequested,
    ContactInvalid,
    DebtorReported,
    OptOutRequested,
    PaymentClaimed,
)
from recobro_events.testing import published

PUBLISHED: dict[str, tuple[type[Event], Json]] = {
    "clarification": (ClarificationRequested, {"detail": "says it is paid", "reported_by": "test"}),
    "deceased": (DebtorReported, {"status": "deceased", "reported_by": "test"}),
    "represented": (DebtorReported, {"status": "represented", "reported_by": "test"}),
    "payment_claimed": (PaymentClaimed, {"detail": "says it is paid"}),
}


@pytest.mark.parametrize("reason", PUBLISHED)
async def test_a_report_withdraws_from_every_list_silences_and_is_published(
    scene: Scene, client: httpx.AsyncClient, reason: str
) -> None:
    reported, other = await scene.contracts(2)
    list_id = await scene.built()
    elsewhere = await scene.built(campaign_id=await scene.campaign())

    withdrawal = await report(client, list_id, reported, reason, detail="says it is paid")

    assert withdrawal["cursor"] == await scene.base(list_id) + 1
    assert (withdrawal["contract_number"], withdrawal["reason"]) == (reported.number, reason)
    for live in (list_id, elsewhere):
        assert await scene.listed(live) == [other.number]
        assert await scene.withdrawals(live) == [(reported.number, reason)]
    event_type, fields = PUBLISHED[reason]
    [event] = await published(scene.database, event_type)
    assert event.key == str(reported.contract_id)
    assert fields.items() <= event.model_dump(mode="json").items()
    assert await scene.listed(await built_while_unanswered(scene)) == [other.number]


@pytest.mark.parametrize(("reason", "event_type"), [("wrong_number", ContactInvalid), ("opted_out", OptOutRequested)])
async def test_a_reported_number_is_not_dialled_again(
    scene: Scene, client: httpx.AsyncClient, reason: str, event_type: type[ContactInvalid | OptOutRequested]
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    elsewhere = await scene.built(campaign_id=await scene.campaign())
    answer = await report(client, list_id, contract, reason, phone="55 1234 5601")
    left = contract.phones[1].value
    assert (answer["kind"], answer["reason"], answer["phones"]) == ("numbers_changed", reason, [left])
    assert answer["cursor"] == await scene.base(list_id) + 1
    again = await report(client, list_id, contract, reason, phone="55 1234 5601")
    assert again == answer
    for live in (list_id, elsewhere):
        assert await scene.listed(live) == [contract.number]
        [line] = (await client.get(f"/v1/lists/{live}/entries")).text.splitlines()
        assert json.loads(line)["phones"] == [left]
    events = await published(scene.database, event_type)
    assert [event.contact_id for event in events] == [contract.phones[0].contact_id] * 2

    during = await built_while_unanswered(scene)
    [entry] = await scene.rows("SELECT contact_ids FROM list_entry WHERE list_id = $1", during)
    assert entry["contact_ids"] == [contract.phones[1].contact_id]


@pytest.mark.parametrize("reason", ["wrong_number", "opted_out"])
async def test_a_report_without_a_phone_concerns_all_numbers_of_the_entry(
    scene: Scene, client: httpx.AsyncClient, reason: str
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    answer = await report(client, list_id, contract, reason)
    assert (answer["kind"], answer["reason"], answer["phones"]) == ("withdrawn", reason, None)
    invalid, opted_out = (
        await published(scene.database, ContactInvalid),
        await published(scene.database, OptOutRequested),
    )
    assert [event.contact_id for event in invalid or opted_out] == [phone.contact_id for phone in contract.phones]
    assert await scene.listed(await built_while_unanswered(scene)) == []


async def built_while_unanswered(scene: Scene) -> uuid.UUID:
    """Build a list whose barrier was requested before the report, so the portfolio has not decided yet."""
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


async def test_the_numbers_of_an_entry_leave_it_one_by_one(scene: Scene, client: httpx.AsyncClient) -> None:
    """The feed has an item for each: only the last one withdraws, and only that one is counted."""
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    for phone in contract.phones:
        await report(client, list_id, contract, "wrong_number", phone=phone.value)
    feed = (await client.get(f"/v1/lists/{list_id}/withdrawals")).json()
    base = await scene.base(list_id)
    assert [(item["cursor"] - base, item["kind"], item["phones"]) for item in feed["items"]] == [
        (1, "numbers_changed", []),
        (2, "withdrawn", None),
    ]
    assert len(await scene.withdrawn_events()) == 1
    assert (await client.get(f"/v1/lists/{list_id}")).json()["withdrawn"] == 1
    report_on = (await client.get("/v1/withdrawal-report", params={"list_id": str(list_id)})).json()
    assert report_on["withdrawn"] == 1
    answer = await client.post(f"/v1/lists/{list_id}/acknowledgements", json={"cursor": base + 2})
    assert answer.json()["newly_acknowledged"] == 1


@pytest.mark.parametrize("reason", ["clarification", "deceased", "represented", "wrong_number", "opted_out"])
async def test_a_report_silences_until_the_portfolio_has_decided_and_no_longer(
    scene: Scene, client: httpx.AsyncClient, reason: str
) -> None:
    """The portfolio decides against the report and publishes nothing. A later barrier shows that it decided."""
    [contract] = await scene.contracts(1)
    await report(client, await scene.built(), contract, reason)
    assert await scene.listed(await built_while_unanswered(scene)) == []
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [contract.number]


async def test_a_claimed_payment_silences_as_long_as_a_payment(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    """The days count from the business date, or from today where that is later."""
    await report(client, await scene.built(), contract, "payment_claimed")
    [row] = await scene.rows(
        "SELECT holdoff_from, (reported_at AT TIME ZONE 'America/Mexico_City')::date AS today"
        " FROM payment, dialer_report"
    )
    first: date = row["holdoff_from"]
    assert first == max(DAY, row["today"])
    for days, expected in ((0, []), (2, []), (3, [contract.number])):
        day = first + timedelta(days=days)
        await scene.portfolio(business_date=day)
        assert await scene.listed(await scene.built(day, await scene.campaign())) == expected, days


async def test_the_reason_other_withdraws_from_its_own_list_only(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    elsewhere = await scene.built(campaign_id=await scene.campaign())
    await report(client, list_id, contract, "other", detail="has a cold")
    assert await scene.withdrawals(list_id) == [(contract.number, "other")]
    assert await scene.listed(elsewhere) == [contract.number]
    assert await scene.listed(await scene.built(campaign_id=await scene.campaign())) == [contract.number]


async def test_a_report_about_a_withdrawn_entry_returns_the_first_withdrawal_and_is_published(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    await scene.receives(contract.paid())
    withdrawal = await report(client, list_id, contract, "deceased")
    assert (withdrawal["cursor"], withdrawal["reason"]) == (await scene.base(list_id) + 1, "payment")
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


async def test_a_phone_that_is_not_the_contracts_is_refused(scene: Scene, client: httpx.AsyncClient) -> None:
    [contract] = await scene.contracts(1)
    list_id = await scene.built()
    for phone in ("+525599999999", "nobody's", "+52"):
        body = {"contract_number": contract.number, "reason": "opted_out", "phone": phone}
        answer = await client.post(f"/v1/lists/{list_id}/withdrawals", json=body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:recobro:problem:phone-unknown")
    assert await scene.listed(list_id) == [contract.number]
    assert await published(scene.database, OptOutRequested) == []
