"""The people besides the debtor: who they are, who of them may be contacted, and what is said of their numbers."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from chassis.testing import mint
from events_of_other_services import placed, receive
from portfolio.debtors import party_queries
from portfolio.ledger import limits
from portfolio.ledger.whole import republish_whole
from portfolio_builders import Given, days_ago, until_waiting
from recobro_events.contracts.dialer_feed import ContactInvalid, OptOutRequested
from recobro_events.contracts.portfolio import (
    ContractRevised,
    DebtorStatus,
    PartyChange,
    PartyChanged,
    PartyRole,
)
from recobro_events.testing import published

PHONE, OTHER = "+525555123456", "+525555123457"
GUARANTOR = {
    "role": "guarantor",
    "name": "Rosa Gil",
    "tax_id": "GIRR800101AB1",
    "language": "es",
    "contact_points": [{"kind": "phone", "value": "55 5512 3456"}, {"kind": "email", "value": "Rosa@Example.org"}],
}


async def contract_of(given: Given, jurisdiction: str = "MX", **more: Any) -> UUID:
    portfolio_id = await given.portfolio(jurisdiction=jurisdiction)
    return await given.contract(portfolio_id, (days_ago(40), "100.00"), **more)


async def add(client: httpx.AsyncClient, contract_id: UUID, **changes: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/contracts/{contract_id}/parties", json=GUARANTOR | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def phones(*values: str) -> list[dict[str, str]]:
    return [{"kind": "phone", "value": value} for value in values]


async def points_of(client: httpx.AsyncClient, party: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/parties/{party['party_id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()["contact_points"]  # type: ignore[no-any-return]


async def test_a_party_has_contact_points_of_its_own(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given, phones=[OTHER])
    party = await add(client, contract_id)
    assert (party["role"], party["name"], party["contactable"]) == ("guarantor", "Rosa Gil", True)
    assert (party["tax_id_kind"], party["tax_id_problem"]) == ("RFC", "bad_check_digit")
    assert [point["value"] for point in party["contact_points"]] == [PHONE, "rosa@example.org"]
    assert party["contact_points"][0]["timezone"] == "America/Mexico_City"
    whole = (await client.get(f"/v1/contracts/{contract_id}")).json()
    assert [point["value"] for point in whole["contact_points"]] == [OTHER], "the debtor's stay the debtor's"
    assert whole["parties"] == [party] == (await client.get(f"/v1/contracts/{contract_id}/parties")).json()["items"]
    [event] = await published(given.database, PartyChanged)
    assert (event.change, event.party.role, event.party.name) == (PartyChange.ADDED, PartyRole.GUARANTOR, "Rosa Gil")
    assert event.party.version == event.version == (await given.row(contract_id))["version"]
    [line] = [one for one in await history(client, contract_id) if one["kind"] == "party_changed"]
    assert line["summary"] == "Person besides the debtor (guarantor): added"
    assert "Rosa" not in str(line), "a line of history holds no personal data"
    assert line["actor"] is not None
    found = (await client.get("/v1/contracts", params={"q": "12 3456"})).json()["items"]
    assert [one["contract_id"] for one in found] == [str(contract_id)]


async def history(client: httpx.AsyncClient, contract_id: UUID) -> list[dict[str, Any]]:
    return (await client.get(f"/v1/contracts/{contract_id}/history")).json()["items"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("jurisdiction", "status", "contactable"),
    [
        ("MX", "active", {"joint_obligor", "guarantor"}),
        ("MX", "represented", set()),
        ("US", "active", set()),
        ("US", "represented", {"attorney"}),
        ("BR", "active", set()),
        ("GB", "active", set()),
    ],
)
async def test_the_profile_says_who_may_be_contacted(
    client: httpx.AsyncClient, given: Given, jurisdiction: str, status: str, contactable: set[str]
) -> None:
    contract_id = await contract_of(given, jurisdiction)
    for role in PartyRole:
        await add(client, contract_id, role=role, name=f"The {role}", contact_points=[])
    if status != DebtorStatus.ACTIVE:
        body = {"status": status, "reported_by": "creditor"}
        await client.post(f"/v1/contracts/{contract_id}/debtor-status", json=body)
    shown = (await client.get(f"/v1/contracts/{contract_id}/parties")).json()["items"]
    assert len(shown) == len(PartyRole)
    assert {one["role"] for one in shown if one["contactable"]} == contactable


async def test_a_guarantor_s_phone_makes_the_contract_reachable_and_a_reference_s_does_not(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await contract_of(given)

    async def holds() -> list[str]:
        return [one["reason"] for one in (await client.get(f"/v1/contracts/{contract_id}")).json()["holds"]]

    await add(client, contract_id, role="reference")
    assert await holds() == ["no_phone"]
    await add(client, contract_id)
    assert await holds() == []


async def test_the_same_party_is_not_added_twice(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    party = await add(client, contract_id)
    before = await given.everything()
    for same in ({"name": " ROSA  GÍL "}, {"name": "Another", "tax_id": "girr-800101-ab1"}):
        answer = await client.post(f"/v1/contracts/{contract_id}/parties", json=GUARANTOR | same)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:party-known")
        assert answer.json()["party_id"] == party["party_id"]
    assert await given.everything() == before
    await add(client, contract_id, role="reference")


async def test_bad_input_is_refused_and_changes_nothing(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    party = await add(client, contract_id)
    before = await given.everything()
    bad: list[dict[str, Any]] = [
        {"role": "friend"},
        {"name": " "},
        {"language": "Spanish"},
        {"contact_points": phones("12")},
        {"contact_points": [{"kind": "email", "value": "rosa"}]},
        {"contact_points": phones(*(f"55551234{n}" for n in range(10, 15)))},
        {"unknown": 1},
    ]
    for changes in bad:
        answer = await client.post(
            f"/v1/contracts/{contract_id}/parties", json=GUARANTOR | {"name": "X", "tax_id": None} | changes
        )
        assert answer.status_code == 422, changes
        assert (await client.patch(f"/v1/parties/{party['party_id']}", json=changes)).status_code == 422, changes
    for body in ({}, {"name": None}, {"contact_points": None}):
        assert (await client.patch(f"/v1/parties/{party['party_id']}", json=body)).status_code == 422
    for path in (f"/v1/contracts/{uuid4()}/parties", f"/v1/parties/{uuid4()}"):
        assert (await client.get(path)).status_code == 404
    assert (await client.post(f"/v1/contracts/{uuid4()}/parties", json=GUARANTOR)).status_code == 404
    assert await given.everything() == before


async def test_a_contract_has_a_bounded_number_of_parties(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    for n in range(limits.PARTIES):
        await add(client, contract_id, name=f"Party {n}", tax_id=None, contact_points=[])
    new = GUARANTOR | {"name": "One more", "tax_id": None}
    answer = await client.post(f"/v1/contracts/{contract_id}/parties", json=new)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:too-many-parties")


async def test_a_correction_replaces_what_it_names(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    path = f"/v1/parties/{(await add(client, contract_id))['party_id']}"
    answer = await client.patch(path, json={"name": "Rosa Gil Pérez", "tax_id": None, "contact_points": phones(OTHER)})
    shown = answer.json()
    assert (answer.status_code, shown["name"], shown["tax_id"], shown["language"]) == (
        200,
        "Rosa Gil Pérez",
        None,
        "es",
    )
    assert [point["value"] for point in shown["contact_points"]] == [OTHER]
    *_, event = await published(given.database, PartyChanged)
    assert (event.change, event.party.name) == (PartyChange.CORRECTED, "Rosa Gil Pérez")
    assert [point.value for point in event.party.contact_points] == [OTHER]
    before = await given.everything()
    again = {"name": "Rosa Gil Pérez", "contact_points": phones(OTHER)}
    assert (await client.patch(path, json=again)).json() == shown
    assert await given.everything() == before


async def remove(client: httpx.AsyncClient, path: str) -> httpx.Response:
    return await client.post(f"{path}/removal", json={"reason": "entered by mistake"})


async def test_a_removed_party_is_erased(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    path = f"/v1/parties/{(await add(client, contract_id))['party_id']}"
    assert (await remove(client, path)).status_code == 201
    assert (await client.get(path)).status_code == (await remove(client, path)).status_code == 404
    assert (await client.get(f"/v1/contracts/{contract_id}")).json()["parties"] == []
    kept = [
        await given.rows(f"SELECT * FROM {table}") for table in ("party", "party_contact_point", "contract_history")
    ]
    for text in ("Rosa", "rosa@", "GIRR", "5512"):
        assert text not in str(kept)
    *_, event = await published(given.database, PartyChanged)
    assert (event.change, event.party.name, event.party.contact_points) == (PartyChange.REMOVED, None, ())
    assert (await client.get("/v1/contracts", params={"q": "123456"})).json()["items"] == []


async def test_a_whole_contract_carries_its_parties(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    party = await add(client, contract_id)
    async with given.database.transaction() as tx:
        tx.audience = "dialer-feed"
        await republish_whole(tx, [contract_id])
    [event] = await published(given.database, ContractRevised)
    [changed] = await published(given.database, PartyChanged)
    assert event.parties == (changed.party,)
    assert event.contact_points == ()
    assert str(changed.party.party_id) == party["party_id"]


async def opt_out(client: httpx.AsyncClient, point: dict[str, Any]) -> None:
    answer = await client.patch(f"/v1/contact-points/{point['contact_id']}", json={"change": "opted_out"})
    assert (answer.status_code, answer.json()["usable"]) == (200, False), answer.text


async def test_an_opted_out_number_is_refused_wherever_it_is_a_party_s(client: httpx.AsyncClient, given: Given) -> None:
    """Rosa guarantees the contracts of two debtors. Whoever adds the number once more gets it refused too."""
    one, other, third = [await contract_of(given) for _ in range(3)]
    here, there = await add(client, one), await add(client, other, name="Rosa Gil Pérez", tax_id=None)
    await opt_out(client, here["contact_points"][0])
    assert [point["usable"] for point in await points_of(client, here)] == [False, True]
    assert [point["usable"] for point in await points_of(client, there)] == [False, True]
    events = [e for e in await published(given.database, PartyChanged) if e.change is PartyChange.CONTACT_CHANGED]
    assert {event.contract_id for event in events} == {one, other}
    for event in events:
        assert [point.usable for point in event.party.contact_points] == [False, True]
    later = await add(client, third, role="joint_obligor")
    assert [point["opted_out"] for point in later["contact_points"]] == [True, False]


async def test_an_opt_out_outlives_the_party(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    party = await add(client, contract_id)
    await opt_out(client, party["contact_points"][0])
    await remove(client, f"/v1/parties/{party['party_id']}")
    again = await add(client, contract_id, name="Rosa Gil Pérez")
    assert [point["opted_out"] for point in again["contact_points"]] == [True, False]


async def test_the_debtor_s_opt_out_holds_for_the_guarantor_who_has_the_same_phone(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await contract_of(given, phones=[PHONE])
    party = await add(client, contract_id)
    whole = (await client.get(f"/v1/contracts/{contract_id}")).json()
    await opt_out(client, whole["contact_points"][0])
    assert [point["usable"] for point in await points_of(client, party)] == [False, True]


async def test_a_dialer_s_report_about_a_party_s_number_takes_effect(client: httpx.AsyncClient, given: Given) -> None:
    contract_id, other = await contract_of(given), await contract_of(given)
    party = await add(client, contract_id, contact_points=phones(PHONE, OTHER))
    elsewhere = await add(client, other, contact_points=phones(PHONE))
    first, second = (UUID(point["contact_id"]) for point in party["contact_points"])
    await receive(
        given,
        ContactInvalid(contract_id=contract_id, contact_id=first, reported_by="d", why="wrong"),
        OptOutRequested(contract_id=contract_id, contact_id=second, reported_by="d"),
    )
    shown = await points_of(client, party)
    assert [(point["invalid"], point["opted_out"]) for point in shown] == [(True, False), (False, True)]
    assert [point["invalid"] for point in await points_of(client, elsewhere)] == [True]


async def test_a_report_about_a_removed_party_changes_nothing(client: httpx.AsyncClient, given: Given) -> None:
    contract_id = await contract_of(given)
    party = await add(client, contract_id)
    await remove(client, f"/v1/parties/{party['party_id']}")
    before = await given.everything()
    contact_id = UUID(party["contact_points"][0]["contact_id"])
    await receive(given, ContactInvalid(contract_id=contract_id, contact_id=contact_id, reported_by="d", why="wrong"))
    assert await given.everything() == before


async def test_a_number_that_is_added_during_an_opt_out_is_refused_too(client: httpx.AsyncClient, given: Given) -> None:
    one, other = await contract_of(given), await contract_of(given)
    party = await add(client, one)
    contact_id = UUID(party["contact_points"][0]["contact_id"])
    async with given.database.transaction() as tx:
        await tx.execute(party_queries.LOCK_NUMBERS, [contact_id])
        adding = asyncio.create_task(add(client, other))
        await until_waiting(given.database, 1)
        await tx.execute("UPDATE party_contact_point SET opted_out = true WHERE contact_id = $1", contact_id)
    assert [point["opted_out"] for point in (await adding)["contact_points"]] == [True, False]


async def test_an_agency_sees_whom_it_may_contact_and_nobody_else(client: httpx.AsyncClient, given: Given) -> None:
    contract_id, agency_id = await contract_of(given), uuid4()
    await receive(given, placed(contract_id, agency_id))
    for role in PartyRole:
        await add(client, contract_id, role=role, name=f"The {role}")
    token = {"Authorization": f"Bearer {mint(agency_id=agency_id, subject='agency')}"}
    whole = (await client.get(f"/v1/contracts/{contract_id}", headers=token)).json()
    assert {one["role"] for one in whole["parties"]} == {"joint_obligor", "guarantor"}
    assert {(one["tax_id"], one["actor"]) for one in whole["parties"]} == {(None, None)}
