"""Statuses, wrong numbers and opt-outs belong to the debtor. They hold for every contract of the debtor."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from portfolio_builders import TODAY, Given, days_ago
from recobro_events.contracts.portfolio import ContactChange, ContactPointChanged, DebtorStatus, DebtorStatusChanged
from recobro_events.testing import published

PHONE, OTHER_PHONE = "+525555123456", "+525555123457"
STATUS = {"status": "deceased", "reported_by": "creditor"}


async def two_contracts(given: Given) -> list[UUID]:
    """Two contracts of one debtor in two portfolios with one common phone. Another debtor has the same phone."""
    one = await given.contract(
        await given.portfolio(), (days_ago(40), "100.00"), debtor_number="D", phones=[PHONE, OTHER_PHONE]
    )
    other = await given.contract(await given.portfolio(), (days_ago(10), "50.00"), debtor_number="D", phones=[PHONE])
    await given.contract(await given.portfolio(), (days_ago(10), "50.00"), phones=[PHONE])
    return sorted([one, other])


async def contact_of(given: Given, contract_id: UUID, value: str = PHONE) -> UUID:
    [row] = await given.rows(
        "SELECT contact_id FROM contact_point WHERE contract_id = $1 AND value = $2", contract_id, value
    )
    return row["contact_id"]  # type: ignore[no-any-return]


async def patch(client: httpx.AsyncClient, contact_id: UUID, change: str, **more: Any) -> dict[str, Any]:
    answer = await client.patch(f"/v1/contact-points/{contact_id}", json={"change": change} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_a_status_reaches_every_contract_of_the_debtor(client: httpx.AsyncClient, given: Given) -> None:
    contract_ids = await two_contracts(given)
    answer = await client.post(f"/v1/contracts/{contract_ids[0]}/debtor-status", json=STATUS)
    assert answer.status_code == 201
    assert (answer.json()["changed"], answer.json()["contracts"]) == (True, 2)
    events = await published(given.database, DebtorStatusChanged)
    assert sorted(event.contract_id for event in events) == contract_ids
    for event in events:
        assert (event.status, event.status_version, event.reported_by) == (DebtorStatus.DECEASED, 1, "creditor")
        row = await given.row(event.contract_id)
        assert (event.version, event.overdue_balance, event.as_of) == (row["version"], row["overdue_balance"], TODAY)
    before = await given.everything()
    again = await client.post(f"/v1/contracts/{contract_ids[1]}/debtor-status", json=STATUS)
    assert (again.status_code, again.json()["changed"]) == (201, False)
    assert await given.everything() == before
    shown = (await client.get(f"/v1/contracts/{contract_ids[1]}")).json()
    assert (shown["debtor"]["status"], shown["holds"][0]["reason"]) == ("deceased", "deceased")


async def test_an_operator_may_set_a_less_grave_status(client: httpx.AsyncClient, given: Given) -> None:
    [contract_id, _] = await two_contracts(given)
    for status in ("deceased", "active"):
        await client.post(f"/v1/contracts/{contract_id}/debtor-status", json=STATUS | {"status": status})
    events = await published(given.database, DebtorStatusChanged)
    assert [event.status_version for event in events if event.contract_id == contract_id] == [1, 2]
    versions = [event.version for event in events if event.contract_id == contract_id]
    assert versions == sorted(set(versions))


async def test_a_wrong_number_is_wrong_on_every_contract_of_the_debtor(client: httpx.AsyncClient, given: Given) -> None:
    contract_ids = await two_contracts(given)
    contact_id = await contact_of(given, contract_ids[0])
    assert (await patch(client, contact_id, "invalid"))["usable"] is False
    events = await published(given.database, ContactPointChanged)
    assert sorted(event.contract_id for event in events) == contract_ids
    for event in events:
        assert (event.value, event.change, event.usable) == (PHONE, ContactChange.INVALID, False)
        assert event.contact_version == event.version == (await given.row(event.contract_id))["version"]
    assert len(await given.rows("SELECT FROM contact_point WHERE invalid")) == 2
    before = await given.everything()
    await patch(client, contact_id, "invalid")
    assert await given.everything() == before


async def test_verifying_a_wrong_number_makes_it_usable_again(client: httpx.AsyncClient, given: Given) -> None:
    contract_ids = await two_contracts(given)
    contact_id = await contact_of(given, contract_ids[0])
    await patch(client, contact_id, "invalid")
    shown = await patch(client, contact_id, "verified")
    assert (shown["verified"], shown["invalid"], shown["usable"]) == (True, False, True)
    assert await given.rows("SELECT FROM contact_point WHERE invalid") == []
    assert len(await given.rows("SELECT FROM contact_point WHERE verified")) == 1
    assert [event.usable for event in await published(given.database, ContactPointChanged)] == [False] * 2 + [True] * 2


async def test_an_opt_out_from_one_medium_keeps_the_others(client: httpx.AsyncClient, given: Given) -> None:
    [contract_id, _] = await two_contracts(given)
    contact_id = await contact_of(given, contract_id)
    shown = await patch(client, contact_id, "opted_out", medium="sms")
    assert (shown["usable"], shown["opted_out"], shown["refused_media"]) == (True, False, ["sms"])
    shown = await patch(client, contact_id, "opted_out", medium="call")
    assert (shown["usable"], sorted(shown["refused_media"])) == (False, ["call", "sms"])
    before = await given.everything()
    await patch(client, contact_id, "opted_out", medium="sms")
    assert await given.everything() == before
    events = await published(given.database, ContactPointChanged)
    assert [event.medium for event in events] == ["sms", "sms", "call", "call"]
    assert [event.usable for event in events] == [True, True, False, False]


async def test_verifying_does_not_lift_an_opt_out(client: httpx.AsyncClient, given: Given) -> None:
    [contract_id, _] = await two_contracts(given)
    contact_id = await contact_of(given, contract_id)
    await patch(client, contact_id, "opted_out")
    shown = await patch(client, contact_id, "verified")
    assert (shown["opted_out"], shown["usable"]) == (True, False)


async def test_an_added_contact_point_takes_over_the_opt_out_of_the_debtor(
    client: httpx.AsyncClient, given: Given
) -> None:
    one, other = await two_contracts(given)
    source, target = (
        (one, other)
        if await given.rows("SELECT FROM contact_point WHERE contract_id = $1 AND value = $2", one, OTHER_PHONE)
        else (other, one)
    )
    await patch(client, await contact_of(given, source, OTHER_PHONE), "opted_out")
    new = {"kind": "phone", "value": "55 5512 3457", "provenance": "debtor"}
    answer = await client.post(f"/v1/contracts/{target}/contact-points", json=new)
    assert answer.status_code == 201
    shown = answer.json()
    assert (shown["value"], shown["opted_out"], shown["usable"]) == (OTHER_PHONE, True, False)
    event = (await published(given.database, ContactPointChanged))[-1]
    assert (event.change, event.usable, event.provenance) == (ContactChange.ADDED, False, "debtor")
    assert (event.contact_id, event.timezone) == (UUID(shown["contact_id"]), "America/Mexico_City")
    again = await client.post(f"/v1/contracts/{target}/contact-points", json=new)
    assert (again.status_code, again.json()["contact_id"]) == (409, shown["contact_id"])


async def test_a_contact_point_that_a_file_dropped_can_be_added_again(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"), phones=[PHONE])
    async with given.database.transaction() as tx:
        await tx.execute("UPDATE contact_point SET current = false, contact_id = $1", uuid4())
    new = {"kind": "phone", "value": PHONE, "provenance": "debtor"}
    answer = await client.post(f"/v1/contracts/{contract_id}/contact-points", json=new)
    assert (answer.status_code, answer.json()["provenance"]) == (201, "debtor")
    assert (await client.get(f"/v1/contact-points/{answer.json()['contact_id']}")).json() == answer.json()


async def withdrawn(client: httpx.AsyncClient, contact_id: UUID, **medium: str) -> dict[str, Any]:
    return await patch(client, contact_id, "opt_out_withdrawn", reason="entered for the wrong customer", **medium)


async def test_an_opt_out_entered_by_mistake_is_taken_back_for_every_contract_of_the_debtor(
    client: httpx.AsyncClient, given: Given
) -> None:
    one, other = await two_contracts(given)
    contact_id = await contact_of(given, one)
    await patch(client, contact_id, "opted_out")
    await patch(client, contact_id, "opted_out", medium="sms")
    before = len(await published(given.database, ContactPointChanged))

    shown = await withdrawn(client, contact_id)

    assert (shown["opted_out"], shown["refused_media"], shown["usable"]) == (False, [], True)
    events = (await published(given.database, ContactPointChanged))[before:]
    assert {(event.contract_id, event.change, event.usable) for event in events} == {
        (one, ContactChange.ADDED, True),
        (other, ContactChange.ADDED, True),
    }
    history = (await client.get(f"/v1/contracts/{one}/history")).json()["items"]
    assert (history[-1]["data"]["change"], history[-1]["data"]["reason"]) == (
        "opt_out_withdrawn",
        "entered for the wrong customer",
    )
    assert history[-1]["actor"]["subject"] == "test"
    [mark] = await given.rows("SELECT opted_out, media FROM debtor_contact_mark")
    assert (mark["opted_out"], mark["media"]) == (False, [])
    await withdrawn(client, contact_id)
    assert len(await published(given.database, ContactPointChanged)) == before + 2


@pytest.mark.parametrize(
    ("refused", "withdrawn_medium", "left", "usable"),
    [
        ([None], "call", ["sms", "whatsapp", "email"], True),
        ([None], "sms", ["call", "whatsapp", "email"], False),
        (["call", "sms"], "call", ["sms"], True),
        (["sms"], "call", ["sms"], True),
    ],
)
async def test_an_opt_out_may_be_taken_back_for_one_medium(
    client: httpx.AsyncClient,
    given: Given,
    refused: list[str | None],
    withdrawn_medium: str,
    left: list[str],
    usable: bool,
) -> None:
    contact_id = await contact_of(given, (await two_contracts(given))[0])
    for medium in refused:
        await patch(client, contact_id, "opted_out", **({} if medium is None else {"medium": medium}))
    shown = await withdrawn(client, contact_id, medium=withdrawn_medium)
    assert (shown["opted_out"], shown["refused_media"], shown["usable"]) == (False, sorted(left), usable)


async def test_a_wrong_number_stays_wrong_when_its_opt_out_is_taken_back(
    client: httpx.AsyncClient, given: Given
) -> None:
    contact_id = await contact_of(given, (await two_contracts(given))[0])
    await patch(client, contact_id, "invalid")
    await patch(client, contact_id, "opted_out")
    assert (await withdrawn(client, contact_id))["usable"] is False


async def test_an_email_is_usable_unless_refused(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    new = {"kind": "email", "value": "Ana@Example.com", "provenance": "debtor"}
    shown = (await client.post(f"/v1/contracts/{contract_id}/contact-points", json=new)).json()
    assert (shown["value"], shown["usable"]) == ("ana@example.com", True)
    assert (await patch(client, UUID(shown["contact_id"]), "opted_out", medium="email"))["usable"] is False


async def test_concurrent_changes_of_one_debtor_all_succeed(client: httpx.AsyncClient, given: Given) -> None:
    contract_ids = await two_contracts(given)
    contacts = [await contact_of(given, contract_id) for contract_id in contract_ids]
    paid = {"amount": "1.00", "paid_on": str(TODAY), "channel": "spei"}
    answers = await asyncio.gather(
        *(client.post(f"/v1/contracts/{contract_id}/debtor-status", json=STATUS) for contract_id in contract_ids),
        *(client.patch(f"/v1/contact-points/{contact}", json={"change": "invalid"}) for contact in contacts),
        *(client.post(f"/v1/contracts/{contract_id}/payments", json=paid) for contract_id in contract_ids),
    )
    assert {answer.status_code for answer in answers} == {200, 201}
    assert len(await published(given.database, DebtorStatusChanged)) == 2
    assert len(await published(given.database, ContactPointChanged)) == 2


CONTACT = {"kind": "phone", "value": PHONE, "provenance": "debtor"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        CONTACT | {"kind": "fax"},
        CONTACT | {"value": "123"},
        CONTACT | {"value": "+1 212 555 0100"},
        CONTACT | {"value": "not a phone"},
        CONTACT | {"value": 5555123456},
        CONTACT | {"value": "55\u00005123456"},
        CONTACT | {"kind": "email"},
        CONTACT | {"kind": "email", "value": "a@b"},
        CONTACT | {"kind": "email", "value": "a b@example.com"},
        CONTACT | {"provenance": ""},
        CONTACT | {"usable": True},
        CONTACT | {"contact_id": str(UUID(int=7))},
    ],
    ids=str,
)
async def test_a_bad_contact_point_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, given: Given, body: Any
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    before = await given.everything()
    assert (await client.post(f"/v1/contracts/{contract_id}/contact-points", json=body)).status_code == 422
    assert await given.everything() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"change": "added"},
        {"change": "gone"},
        {"change": "invalid", "medium": "sms"},
        {"change": "opted_out", "medium": "pigeon"},
        {"change": "opted_out", "usable": True},
        {"change": "opted_out", "reason": "by mistake"},
        {"change": "opt_out_withdrawn"},
        {"change": "opt_out_withdrawn", "reason": ""},
        {"change": "opt_out_withdrawn", "medium": "pigeon", "reason": "by mistake"},
    ],
    ids=str,
)
async def test_a_bad_change_is_refused_and_changes_nothing(client: httpx.AsyncClient, given: Given, body: Any) -> None:
    [contract_id, _] = await two_contracts(given)
    before = await given.everything()
    answer = await client.patch(f"/v1/contact-points/{await contact_of(given, contract_id)}", json=body)
    assert answer.status_code == 422
    assert await given.everything() == before


@pytest.mark.parametrize(
    "body",
    [{}, STATUS | {"status": "dead"}, STATUS | {"reported_by": ""}, STATUS | {"detail": "\u0000"}, STATUS | {"x": 1}],
    ids=str,
)
async def test_a_bad_status_is_refused_and_changes_nothing(client: httpx.AsyncClient, given: Given, body: Any) -> None:
    [contract_id, _] = await two_contracts(given)
    before = await given.everything()
    assert (await client.post(f"/v1/contracts/{contract_id}/debtor-status", json=body)).status_code == 422
    assert await given.everything() == before


async def test_an_unknown_contract_or_contact_point_is_404(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"/v1/contracts/{uuid4()}/debtor-status", json=STATUS)).status_code == 404
    assert (await client.post(f"/v1/contracts/{uuid4()}/contact-points", json=CONTACT)).status_code == 404
    assert (await client.patch(f"/v1/contact-points/{uuid4()}", json={"change": "invalid"})).status_code == 404
    assert (await client.get(f"/v1/contact-points/{uuid4()}")).status_code == 404
