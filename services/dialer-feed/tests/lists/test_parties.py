"""Phones of the people besides the debtor: who is listed, whose number it is, and what takes a number off."""

import csv
import io
import json
from uuid import UUID, uuid4

import httpx
import pytest
from dialing_requests import Json, call, report, report_calls
from dialing_scene import Contract, Scene
from recobro_events.contracts.dialer_feed import ContactInvalid
from recobro_events.contracts.portfolio import DebtorStatus, PartyChange
from recobro_events.testing import published
from unlisted_calls import by_id, item_of

ROSAS, OTHER = "+525512345699", "+525512345698"


async def listed(scene: Scene, **campaign: object) -> UUID:
    return await scene.built(campaign_id=await scene.campaign(parties=True, **campaign))


async def entries(client: httpx.AsyncClient, list_id: UUID) -> list[Json]:
    answer = await client.get(f"/v1/lists/{list_id}/entries")
    return [json.loads(line) for line in answer.text.splitlines()]


def numbers(entry: Json) -> tuple[list[str], list[tuple[str, str, str]]]:
    return entry["phones"], [(one["phone"], one["party"], one["name"]) for one in entry["party_phones"]]


async def registered(scene: Scene, *parties: tuple[str, str], jurisdiction: str = "MX", **more: object) -> Contract:
    contract = scene.contract(jurisdiction=jurisdiction, **more)
    for role, number in parties:
        contract.with_party(role, number)
    await scene.receives(contract.registered())
    return contract


async def test_an_entry_says_whose_number_it_is(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = await registered(scene, ("guarantor", ROSAS))
    [entry] = await entries(client, await listed(scene))
    assert numbers(entry) == ([phone.value for phone in contract.phones], [(ROSAS, "guarantor", "Rosa Gil")])
    answer = await client.get(f"/v1/lists/{await listed(scene)}/entries", params={"format": "csv"})
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["phone_2"], row["party_phone_1"].strip("'"), row["party_name_1"]) == (
        contract.phones[1].value,
        ROSAS,
        "Rosa Gil",
    )


async def test_a_campaign_that_does_not_say_so_calls_debtors_only(scene: Scene, client: httpx.AsyncClient) -> None:
    """Its entries and its columns are those of earlier releases, and each entry has a phone of the debtor."""
    with_phone = await registered(scene, ("guarantor", ROSAS))
    await registered(scene, ("guarantor", OTHER), phones=[])
    list_id = await scene.built()
    [entry] = await entries(client, list_id)
    assert (entry["contract_number"], entry["party_phones"]) == (with_phone.number, [])
    answer = await client.get(f"/v1/lists/{list_id}/entries", params={"format": "csv"})
    assert "party" not in answer.text


@pytest.mark.parametrize(
    ("jurisdiction", "contactable"),
    [("MX", {"joint_obligor", "guarantor"}), ("US", set()), ("BR", set()), ("GB", set())],
)
async def test_only_whom_the_profile_names_is_listed(
    scene: Scene, client: httpx.AsyncClient, jurisdiction: str, contactable: set[str]
) -> None:
    roles = ("joint_obligor", "guarantor", "executor", "attorney", "payer", "reference", "employer")
    parties = [(role, f"+5255123456{n}0") for n, role in enumerate(roles)]
    await registered(scene, *parties, jurisdiction=jurisdiction)
    [entry] = await entries(client, await listed(scene))
    assert {one["party"] for one in entry["party_phones"]} == contactable
    assert len(entry["phones"]) == 2


async def test_a_guarantor_makes_a_contract_callable_and_a_reference_does_not(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await registered(scene, ("guarantor", ROSAS), phones=[])
    await registered(scene, ("reference", OTHER), phones=[])
    [entry] = await entries(client, await listed(scene))
    assert (entry["contract_number"], numbers(entry)) == (contract.number, ([], [(ROSAS, "guarantor", "Rosa Gil")]))
    assert entry["callable_from"] is not None


async def test_an_employer_s_number_is_never_called_whoever_else_has_it(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = scene.contract()
    first, second = (phone.value for phone in contract.phones)
    contract.with_party("employer", first)
    await scene.receives(contract.registered())
    list_id = await listed(scene)
    assert numbers((await entries(client, list_id))[0]) == ([second], [])
    employer = contract.with_party("employer", second)
    await scene.receives(contract.party_changed(employer, PartyChange.ADDED, usable=[True]))
    assert await scene.withdrawals(list_id) == [(contract.number, "no_phone")]


async def test_a_number_is_listed_once_and_the_debtor_comes_first(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = scene.contract()
    own = contract.phones[0].value
    contract.with_party("guarantor", own, ROSAS)
    contract.with_party("joint_obligor", ROSAS, name="Luis Soto")
    await scene.receives(contract.registered())
    list_id = await listed(scene)
    [entry] = await entries(client, list_id)
    assert entry["phones"] == [phone.value for phone in contract.phones]
    assert [one["phone"] for one in entry["party_phones"]] == [ROSAS]
    outcome = await report_calls(client, call(list_id, contract, phone=own), call(list_id, contract, phone=ROSAS))
    assert outcome["rejected"] == []
    called = {row["contact_id"] for row in await scene.rows("SELECT contact_id FROM call_result")}
    assert contract.phones[0].contact_id in called
    points = {point.contact_id: point.value for party in contract.parties for point in party.contact_points}
    assert [points.get(one) for one in called - {contract.phones[0].contact_id}] == [ROSAS]


async def test_an_opted_out_guarantor_leaves_the_entry_and_the_debtor_stays(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await registered(scene, ("guarantor", ROSAS))
    list_id = await listed(scene)
    base = await scene.base(list_id)
    await scene.receives(contract.party_changed(contract.parties[0], PartyChange.CONTACT_CHANGED, usable=[False]))
    feed = (await client.get(f"/v1/lists/{list_id}/withdrawals", params={"after": base})).json()["items"]
    assert [(one["kind"], one["party_phones"], len(one["phones"])) for one in feed] == [("numbers_changed", [], 2)]
    assert numbers((await entries(client, list_id))[0])[1] == []
    assert (await item_of(client, by_id(contract, phone=ROSAS)))["wrongful"], "a refused number is not called"


async def test_a_dialer_that_reports_a_guarantor_s_number_as_wrong_takes_off_that_number(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await registered(scene, ("guarantor", ROSAS))
    list_id = await listed(scene)
    answer = await report(client, list_id, contract, "wrong_number", phone=ROSAS)
    assert (answer["kind"], answer["party_phones"], len(answer["phones"])) == ("numbers_changed", [], 2)
    [event] = await published(scene.database, ContactInvalid)
    assert event.contact_id == contract.parties[0].contact_points[0].contact_id
    assert len((await entries(client, list_id))[0]["phones"]) == 2


async def test_a_removed_party_leaves_the_entry_and_is_erased(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = await registered(scene, ("guarantor", ROSAS), ("joint_obligor", OTHER))
    before = contract.revised()
    list_id = await listed(scene)
    await scene.receives(contract.party_changed(contract.parties[0], PartyChange.REMOVED))
    await scene.receives(before)
    assert [one["phone"] for one in (await entries(client, list_id))[0]["party_phones"]] == [OTHER]
    assert await scene.rows("SELECT FROM contact_point WHERE value = $1 OR party_name = 'Rosa'", ROSAS) == []


async def test_a_correction_of_the_name_reaches_the_list(scene: Scene, client: httpx.AsyncClient) -> None:
    contract = await registered(scene, ("guarantor", ROSAS))
    list_id = await listed(scene)
    corrected = contract.parties[0].model_copy(update={"name": "Rosa Gil Pérez"})
    await scene.receives(contract.party_changed(corrected, PartyChange.CORRECTED, usable=[True]))
    assert numbers((await entries(client, list_id))[0])[1] == [(ROSAS, "guarantor", "Rosa Gil Pérez")]


async def test_a_whole_contract_of_an_earlier_release_says_nothing_of_parties(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await registered(scene, ("guarantor", ROSAS))
    await scene.receives(contract.revised().model_copy(update={"parties": None}))
    assert len((await entries(client, await listed(scene)))[0]["party_phones"]) == 1
    await scene.receives(contract.revised(parties=[]))
    assert (await entries(client, await listed(scene)))[0]["party_phones"] == []


@pytest.mark.parametrize("status", [DebtorStatus.DECEASED, DebtorStatus.REPRESENTED])
async def test_a_dead_or_represented_debtor_silences_executor_and_attorney_too(
    scene: Scene, status: DebtorStatus
) -> None:
    contract = await registered(scene, ("guarantor", ROSAS), ("executor", OTHER), ("attorney", "+525512345697"))
    list_id = await listed(scene)
    await scene.receives(contract.reported(status))
    assert await scene.withdrawals(list_id) == [(contract.number, status)]
    assert await scene.listed(await listed(scene)) == []


async def test_a_call_to_a_reference_is_wrongful_and_one_to_a_guarantor_is_not(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    contract = await registered(scene, ("guarantor", ROSAS), ("reference", OTHER))
    assert not (await item_of(client, by_id(contract, phone=ROSAS)))["wrongful"]
    assert (await item_of(client, by_id(contract, phone=OTHER)))["wrongful"]
    found = (await client.get("/v1/breaches", params={"kind": "silence"})).json()["items"]
    assert [one["silence"] for one in found] == ["third_party"]


async def test_the_attorney_of_a_represented_debtor_may_be_called_by_hand_where_the_profile_says_so(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    number = "+12125550142"
    lawful = await registered(scene, ("attorney", number), jurisdiction="US", region="New York")
    assert (await item_of(client, by_id(lawful, phone=number)))["wrongful"], "nobody represents the debtor yet"
    await scene.receives(lawful.reported(DebtorStatus.REPRESENTED))
    assert not (await item_of(client, by_id(lawful, phone=number)))["wrongful"]
    assert (await item_of(client, by_id(lawful)))["wrongful"], "the debtor is not called any more"


async def test_a_guarantor_of_several_debtors_is_not_called_more_often_than_a_person_may_be(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    creditor = uuid4()
    await scene.portfolio(creditor_id=creditor)
    one, other = [await registered(scene, ("guarantor", ROSAS)) for _ in range(2)]
    for contract in (one, other):
        await item_of(client, by_id(contract, phone=ROSAS))
    shown = await entries(client, await listed(scene, max_attempts_per_7_days=2))
    assert [(len(entry["phones"]), entry["party_phones"]) for entry in shown] == [(2, []), (2, [])]
    shown = await entries(client, await listed(scene, max_attempts_per_7_days=3))
    assert [len(entry["party_phones"]) for entry in shown] == [1, 1]
