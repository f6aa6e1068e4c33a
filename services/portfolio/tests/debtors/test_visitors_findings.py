"""Findings of visitors: disputes, deaths, phones, wrong addresses."""

import asyncio
import inspect
import re
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from events_of_other_services import EMAIL_KIND, PHONE_KIND, receive
from jurisdictions import postal_code_issue
from portfolio.debtors.address_reviews import AddressIssue
from portfolio.handlers import consumer
from portfolio.ledger import limits
from portfolio.ledger.locking import lock_contract
from portfolio_builders import Given, days_ago
from recobro_events import UnappliableEvent, caused_event_id
from recobro_events.contracts import dialer_feed, promises
from recobro_events.contracts.field_visits import (
    AddressChecked,
    AddressCollected,
    AddressVerdict,
    ClarificationRequested,
    ContactDataCollected,
    DebtorReported,
)
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ContactChange,
    ContactPointChanged,
    ContractRevised,
    ContractStageChanged,
    DebtorStatus,
    DebtorStatusChanged,
)
from recobro_events.testing import apply_events, apply_records, published, record_of
from service_client import ServiceClient, row

PHONE = "+525555123456"
WRONG, CONFIRMED = AddressVerdict.WRONG, AddressVerdict.CONFIRMED


async def a_contract(given: Given, **changes: Any) -> UUID:
    return await given.contract(await given.portfolio(), (days_ago(40), "100.00"), **changes)


def disputed(contract_id: UUID, reason: str = "not mine") -> ClarificationRequested:
    return ClarificationRequested(contract_id=contract_id, visit_id=uuid4(), reason=reason, reported_by="luis")


def collected(contract_id: UUID, value: str = "55 5512 3456", **changes: Any) -> ContactDataCollected:
    fields: dict[str, Any] = {"kind": PHONE_KIND, "value": value, "provenance": "debtor"} | changes
    return ContactDataCollected(contract_id=contract_id, visit_id=uuid4(), **fields)


async def checked(given: Given, contract_id: UUID, verdict: AddressVerdict) -> AddressChecked:
    [address] = await given.rows("SELECT address_id FROM address WHERE contract_id = $1", contract_id)
    address_id = address["address_id"]
    return AddressChecked(contract_id=contract_id, visit_id=uuid4(), address_id=address_id, verdict=verdict)


async def history(given: Given, contract_id: UUID) -> list[str]:
    rows = await given.rows("SELECT kind FROM contract_history WHERE contract_id = $1 ORDER BY history_id", contract_id)
    return [row["kind"] for row in rows]


async def test_a_dispute_at_the_door_is_opened_by_the_visitor(given: Given) -> None:
    contract_id = await a_contract(given)
    record = record_of(disputed(contract_id))
    await apply_records(given.database, consumer, [record])
    await receive(given, disputed(contract_id), disputed(contract_id, "paid"))
    first, second = await published(given.database, ClarificationOpened)
    assert (first.opened_by, first.reason, second.reason) == ("visitor", "not mine", "paid")
    cause = UUID(dict(record.headers)["ce_id"])
    assert first.event_id == caused_event_id(cause, "portfolio.events", first.type, first.key, 0)
    assert (await history(given, contract_id)).count("clarification_requested") == 3

    by_phone = dialer_feed.ClarificationRequested(contract_id=contract_id, reason="not mine", reported_by="dialer-1")
    await receive(given, by_phone)
    assert len(await published(given.database, ClarificationOpened)) == 2, "the same dispute, told once more"


async def test_a_dispute_on_the_debtors_page_is_opened_by_the_debtor(given: Given) -> None:
    contract_id = await a_contract(given)
    stated = promises.ClarificationRequested(
        contract_id=contract_id, reason="already_paid", detail="en marzo", reported_by="debtor by link"
    )
    await receive(given, stated)
    [opened] = await published(given.database, ClarificationOpened)
    assert (opened.opened_by, opened.reason) == ("debtor", "already_paid")
    assert "clarification_requested" in await history(given, contract_id)


async def test_a_report_of_death_replaces_unlocatable_and_not_the_reverse(given: Given) -> None:
    portfolio_id = await given.portfolio()
    one, other = [await given.contract(portfolio_id, (days_ago(40), "100.00"), debtor_number="D") for _ in range(2)]
    for status in (DebtorStatus.UNLOCATABLE, DebtorStatus.DECEASED, DebtorStatus.UNLOCATABLE):
        await receive(given, DebtorReported(contract_id=one, visit_id=uuid4(), status=status, reported_by="luis"))
    events = await published(given.database, DebtorStatusChanged)
    assert [(e.status, e.reported_by) for e in events if e.contract_id == other] == [
        (DebtorStatus.UNLOCATABLE, "luis"),
        (DebtorStatus.DECEASED, "luis"),
    ]


async def test_a_phone_that_the_debtor_gave_is_added_and_published(given: Given) -> None:
    contract_id = await a_contract(given)
    record = record_of(collected(contract_id))
    await apply_records(given.database, consumer, [record])
    [event] = await published(given.database, ContactPointChanged)
    assert (event.value, event.change, event.usable) == (PHONE, ContactChange.ADDED, True)
    assert (event.provenance, event.timezone) == ("debtor", "America/Mexico_City")
    assert event.version == event.contact_version == (await given.row(contract_id))["version"]
    cause = UUID(dict(record.headers)["ce_id"])
    assert event.event_id == caused_event_id(cause, "portfolio.events", event.type, event.key, 0)

    await receive(given, collected(contract_id, PHONE))
    assert len(await published(given.database, ContactPointChanged)) == 1
    assert await history(given, contract_id) == [
        "contact_data_collected",
        "contact_point_changed",
        "contact_data_collected",
    ]
    rows = await given.rows("SELECT summary, data FROM contract_history")
    assert not any("12 3456" in f"{row['summary']}{row['data']}" for row in rows)


@pytest.mark.parametrize(
    ("jurisdiction", "provenance", "usable"),
    [
        ("MX", "debtor", True),
        ("MX", "Joint_Obligor", True),
        ("MX", "guarantor", True),
        ("MX", "neighbour", False),
        ("BR", "neighbour", True),
    ],
)
async def test_the_jurisdiction_decides_which_provenance_is_usable(
    client: httpx.AsyncClient, given: Given, jurisdiction: str, provenance: str, usable: bool
) -> None:
    by_a_visitor, by_an_operator = [
        await given.contract(await given.portfolio(jurisdiction=jurisdiction), (days_ago(40), "100.00"))
        for _ in range(2)
    ]
    mail = {"kind": "email", "value": "ana@example.com", "provenance": provenance}
    await receive(given, collected(by_a_visitor, mail["value"], kind=EMAIL_KIND, provenance=provenance))
    answer = await client.post(f"/v1/contracts/{by_an_operator}/contact-points", json=mail)
    assert (answer.status_code, answer.json()["usable"], answer.json()["permitted"]) == (201, usable, usable)
    events = await published(given.database, ContactPointChanged)
    assert {event.contract_id: event.usable for event in events} == {by_a_visitor: usable, by_an_operator: usable}
    shown = (await client.get(f"/v1/contracts/{by_a_visitor}")).json()["contact_points"]
    assert [(point["permitted"], point["usable"]) for point in shown] == [(usable, usable)]


async def test_an_address_from_the_door_stays_unchecked_until_a_visitor_checks_it_and_no_file_removes_it(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    known = row("C-1", street="Calle 5", state="Yucatán", address_kind="Fiscal")
    await service.load(portfolio_id, known)
    contract_id = uuid5(portfolio_id, "C-1")

    def found(street: str) -> AddressCollected:
        return AddressCollected(contract_id=contract_id, visit_id=uuid4(), street=street, provenance="neighbour")

    for street in ("Calle 9", "CALLE  9"):
        await apply_events(service.database, consumer, found(street))
    await service.load(portfolio_id, known | {"street": "Calle 6"}, as_of="2026-09-11")

    creditors, new = (await service.contract(portfolio_id, "C-1"))["addresses"]
    assert (creditors["street"], creditors["authorised"], creditors["provenance"]) == ("Calle 6", True, "creditor")
    assert (new["street"], new["provenance"], new["authorised"], new["issues"]) == (
        "Calle 9",
        "neighbour",
        False,
        ["unchecked"],
    )
    event = (await published(service.database, ContractRevised))[-1]
    assert {(address.street, address.authorised) for address in event.addresses} == {
        ("Calle 6", True),
        ("Calle 9", False),
    }
    lines = [line for line in await service.history(portfolio_id, "C-1") if line["kind"] == "address_collected"]
    assert len(lines) == 2
    assert "Calle" not in str(lines).replace("CALLE", "Calle")

    async def reviews(**wanted: str) -> list[str]:
        return [item["street"] for item in (await service.get("/v1/address-reviews", **wanted))["items"]]

    [review] = (await service.get("/v1/address-reviews", issue="unchecked"))["items"]
    assert (review["contract_number"], review["street"], review["issues"]) == ("C-1", "Calle 9", ["unchecked"])
    assert await reviews(issue="wrong_address") == []

    checked = AddressChecked(
        contract_id=contract_id, visit_id=uuid4(), address_id=UUID(new["address_id"]), verdict=AddressVerdict.CONFIRMED
    )
    await apply_events(service.database, consumer, checked)
    [_, new] = (await service.contract(portfolio_id, "C-1"))["addresses"]
    assert (new["authorised"], new["issues"], new["verdict"]) == (True, [], "confirmed")
    assert await reviews(issue="unchecked") == []

    for n in range(10):
        await apply_events(service.database, consumer, found(f"Calle 1{n}"))
    assert len((await service.contract(portfolio_id, "C-1"))["addresses"]) == 1 + limits.ADDRESSES_FOUND


async def test_a_phone_from_a_neighbour_may_be_used_once_the_debtor_gives_it(given: Given) -> None:
    contract_id = await a_contract(given)
    for provenance in ("neighbour", "porter", "debtor", "neighbour"):
        await receive(given, collected(contract_id, provenance=provenance))
    events = await published(given.database, ContactPointChanged)
    assert [(event.provenance, event.usable) for event in events] == [("neighbour", False), ("debtor", True)]
    assert events[0].contact_id == events[1].contact_id


@pytest.mark.parametrize(
    ("kind", "value"), [(PHONE_KIND, "12"), (EMAIL_KIND, "nobody"), (EMAIL_KIND, "a\u202eb@example.com")]
)
async def test_a_value_that_is_not_a_phone_or_email_only_leaves_a_line_of_history(
    given: Given, kind: Any, value: str
) -> None:
    contract_id, other = await a_contract(given), await a_contract(given)
    await receive(given, collected(contract_id, value, kind=kind), collected(other))
    [event] = await published(given.database, ContactPointChanged)
    assert event.contract_id == other
    assert await history(given, contract_id) == ["contact_data_collected"]


async def test_an_opt_out_of_the_debtor_holds_for_a_number_given_at_the_door(given: Given) -> None:
    portfolio_id = await given.portfolio()
    one = await given.contract(portfolio_id, (days_ago(40), "1.00"), debtor_number="D", phones=[PHONE])
    other = await given.contract(portfolio_id, (days_ago(40), "1.00"), debtor_number="D")
    [point] = await given.rows("SELECT contact_id FROM contact_point")
    await receive(given, dialer_feed.OptOutRequested(contract_id=one, contact_id=point["contact_id"]))
    await receive(given, collected(other))
    event = (await published(given.database, ContactPointChanged))[-1]
    assert (event.contract_id, event.usable) == (other, False)


async def test_a_wrong_address_is_not_authorised_until_it_is_confirmed(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_contract(given)
    record = record_of(await checked(given, contract_id, WRONG))
    await apply_records(given.database, consumer, [record])
    [event] = await published(given.database, ContractRevised)
    [address] = event.addresses
    assert (address.authorised, address.issues) == (False, ("wrong_address",))
    stored = await given.row(contract_id)
    assert (event.version, event.details_version) == (stored["version"], stored["details_version"])
    cause = UUID(dict(record.headers)["ce_id"])
    assert event.event_id == caused_event_id(cause, "portfolio.events", event.type, event.key, 0)
    shown = (await client.get(f"/v1/contracts/{contract_id}")).json()["addresses"][0]
    assert (shown["authorised"], shown["verdict"]) == (False, "wrong")

    await receive(given, await checked(given, contract_id, WRONG))
    assert len(await published(given.database, ContractRevised)) == 1, "the verdict is known already"
    await receive(given, await checked(given, contract_id, CONFIRMED))
    [_, event] = await published(given.database, ContractRevised)
    assert (event.addresses[0].authorised, event.addresses[0].issues) == (True, ())
    assert await history(given, contract_id) == ["address_checked"] * 3


async def test_a_confirmed_address_is_stored_and_not_published(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await a_contract(given)
    await receive(given, await checked(given, contract_id, CONFIRMED))
    assert await published(given.database, ContractRevised) == []
    assert (await client.get(f"/v1/contracts/{contract_id}")).json()["addresses"][0]["verdict"] == "confirmed"


async def test_a_verdict_on_an_address_of_another_contract_changes_nothing(given: Given) -> None:
    contract_id, other = await a_contract(given), await a_contract(given)
    foreign = (await checked(given, other, WRONG)).model_copy(update={"contract_id": contract_id})
    await receive(given, foreign)
    assert await published(given.database, ContractRevised) == []
    assert await given.rows("SELECT FROM address WHERE verdict IS NOT NULL") == []


async def test_a_contract_that_a_run_has_not_reached_is_staged_before_it_is_published_whole(given: Given) -> None:
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(portfolio_id, (days_ago(30), "100.00"))
    await given.business_date(portfolio_id, days_ago(-1))
    await receive(given, await checked(given, contract_id, WRONG))
    [restaged] = await published(given.database, ContractStageChanged)
    [event] = await published(given.database, ContractRevised)
    assert (restaged.version, event.version, event.stage, event.as_of) == (2, 3, "late", days_ago(-1))


async def test_a_wrong_address_stays_wrong_until_a_file_states_another_place(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1", street="Calle 5", state="Yucatán"))
    contract_id = uuid5(portfolio_id, "C-1")
    [address] = await service.rows("SELECT address_id FROM address")
    wrong = AddressChecked(contract_id=contract_id, visit_id=uuid4(), address_id=address["address_id"], verdict=WRONG)
    await apply_events(service.database, consumer, wrong)

    for day, street, authorised, verdict in (
        ("2026-09-11", "Calle 5", False, "wrong"),
        ("2026-09-12", "Calle 6", True, None),
        ("2026-09-13", "Calle 5", True, None),
    ):
        await service.load(portfolio_id, row("C-1", street=street, state="Yucatán"), as_of=day)
        [shown] = (await service.contract(portfolio_id, "C-1"))["addresses"]
        assert (shown["street"], shown["authorised"], shown["verdict"]) == (street, authorised, verdict)
        assert ("wrong_address" in shown["issues"]) is not authorised
    await service.load(portfolio_id, row("C-1"), as_of="2026-09-14")
    [kept] = (await service.contract(portfolio_id, "C-1"))["addresses"]
    assert (kept["street"], kept["authorised"]) == ("Calle 5", True)


async def test_a_phone_from_a_neighbour_may_be_used_once_a_file_states_it(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, row("C-1"))
    contract_id = uuid5(portfolio_id, "C-1")
    await apply_events(service.database, consumer, collected(contract_id, provenance="neighbour"))
    [_, point] = (await service.contract(portfolio_id, "C-1"))["contact_points"]
    assert (point["value"], point["usable"]) == (PHONE, False)
    # The file states the same rank, time zone and dialability as the stored contact point.
    await service.load(portfolio_id, row("C-1", phone_2="5555123456"), as_of="2026-09-11")
    [_, point] = (await service.contract(portfolio_id, "C-1"))["contact_points"]
    assert (point["value"], point["provenance"], point["usable"]) == (PHONE, "creditor", True)
    event = (await published(service.database, ContractRevised))[-1]
    assert [contact.usable for contact in event.contact_points] == [True, True]


@pytest.mark.parametrize("finding", [collected, disputed])
async def test_a_finding_waits_for_the_transaction_that_changes_the_contract(given: Given, finding: Any) -> None:
    """The handler reads nothing of the contract before it has locked the contract's row."""
    contract_id = await a_contract(given)
    waiting = """
        SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    async with given.database.transaction() as tx:
        await lock_contract(tx, contract_id)
        receiving = asyncio.create_task(receive(given, finding(contract_id)))
        async with asyncio.timeout(240):
            while True:
                if blocked := await given.rows(waiting):
                    break
                await asyncio.sleep(0.01)
        assert ["FOR UPDATE" in row["query"] for row in blocked] == [True]
    await receiving
    changes = await published(given.database, ContactPointChanged)
    clarifications = await published(given.database, ClarificationOpened)
    assert len(changes) + len(clarifications) == 1


@pytest.mark.parametrize("event", [disputed(uuid4()), collected(uuid4())], ids=lambda event: event.type)
async def test_a_finding_about_an_unknown_contract_is_not_applied(given: Given, event: Any) -> None:
    before = await given.everything()
    with pytest.raises(UnappliableEvent, match=str(event.contract_id)):
        await receive(given, event)
    assert await given.everything() == before


async def test_addresses_to_review_are_those_of_open_contracts_with_issues(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    good = row("C-1", street="Calle 5", state="Yucatán", postal_code="97000", address_kind="Fiscal")
    first = good | {"contract_number": "C-2", "postal_code": "1"}
    second = good | {"contract_number": "C-3", "state": "Narnia"}
    await service.load(portfolio_id, good, first, as_of="2026-09-10")
    await service.load(portfolio_id, second, as_of="2026-09-11")

    async def reviews(**wanted: str) -> list[str]:
        found = await service.get("/v1/address-reviews", **wanted)
        return [item["contract_number"] for item in found["items"]]

    assert await reviews() == ["C-2", "C-3"]
    assert await reviews(order="desc") == ["C-3", "C-2"]
    assert await reviews(issue="bad_postal_code") == ["C-2"]
    assert await reviews(contract_id=str(uuid5(portfolio_id, "C-3"))) == ["C-3"]
    assert await reviews(portfolio_id=str(uuid4())) == []
    page = await service.get("/v1/address-reviews", limit=1)
    assert await reviews(limit="1", cursor=page["next_cursor"]) == ["C-3"]
    await service.load(portfolio_id, good, second, as_of="2026-09-12", mode="snapshot")
    answer = await service.client.get("/v1/address-reviews", params={"issue": "ugly"})
    assert answer.status_code == 422


def test_every_issue_that_the_reader_writes_can_be_asked_for() -> None:
    written = set(re.findall(r'"([a-z_]+)"', inspect.getsource(postal_code_issue)))
    written |= {"unknown_kind", "no_street", "unknown_state", "unchecked", "wrong_address"}
    assert {issue.value for issue in AddressIssue} == written
