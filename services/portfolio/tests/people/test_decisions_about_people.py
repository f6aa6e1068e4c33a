"""A person links and unlinks customers. What was said stays with the customer of whom it was said."""

import asyncio
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from people_service import (
    ana,
    candidates,
    decided,
    mark,
    marks,
    people_of,
    person_of,
    report,
    status_of,
    why,
)
from portfolio.debtors import contact_points, statuses
from portfolio.debtors.statuses import NewDebtorStatus, Report
from portfolio.ledger.locking import lock_contracts
from portfolio.people import people
from portfolio.people.people import PersonDecision
from portfolio.republishing import republish
from recobro_events.contracts.portfolio import ContactPointChanged, ContractRevised, DebtorStatus, DebtorStatusChanged
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

Marks = tuple[bool, bool, list[str], bool]
FREE: Marks = (False, False, [], True)
REFUSED: Marks = (False, True, [], False)


async def linked(service: ServiceClient) -> tuple[UUID, UUID]:
    """A-1 of customer K1 and B-1 of K2 are one person, by the tax id."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2"))
    return portfolio_id, await person_of(service, portfolio_id, "A-1")


async def test_an_unlink_holds_against_later_files_and_newcomers_wait_for_a_person(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    answer = await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert [member["debtor_number"] for member in answer["customers"]] == ["K1"]
    [unlinked] = answer["unlinked"]
    assert (unlinked["contract_number"], unlinked["reason"]) == ("B-1", "the clerk has called both")
    assert unlinked["actor"]["subject"]
    assert await candidates(service) == []

    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2"), as_of="2026-09-11")
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2
    assert await person_of(service, portfolio_id, "A-1") == person_id
    # Another customer number for the contract that was unlinked is no way around the word.
    await service.load(portfolio_id, ana("B-1", "K7"), ana("C-1", "K3"), as_of="2026-09-12")
    assert await people_of(service, portfolio_id, "A-1", "B-1", "C-1") == 3
    assert await why(service) == [["unlinked"]]

    await decided(service, person_id, portfolio_id, "B-1", "link")
    await decided(service, person_id, portfolio_id, "C-1", "link")
    assert await people_of(service, portfolio_id, "A-1", "B-1", "C-1") == 1


async def test_a_person_keeps_the_id_when_the_first_customer_is_unlinked(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    await decided(service, person_id, portfolio_id, "A-1", "unlink")
    assert await person_of(service, portfolio_id, "B-1") == person_id
    assert await person_of(service, portfolio_id, "A-1") != person_id


async def test_a_candidate_of_whom_a_person_says_no_is_none_any_more(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2", debtor_name="Otra Persona"))
    [candidate] = await candidates(service)
    person_id = UUID(candidate["customers"][0]["person_id"])
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await candidates(service) == []
    answer = await decided(service, person_id, portfolio_id, "B-1", "unlink", status=409)
    assert answer["type"].endswith("unlinked-already")


async def test_what_cannot_be_decided_is_refused_and_changes_nothing(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    stranger = await service.portfolio()
    await service.load(stranger, ana("S-1", "K1"))
    await service.load(portfolio_id, ana("C-1", "K3", debtor_name="Otra Persona"), as_of="2026-09-11")
    alone = await person_of(service, portfolio_id, "C-1")
    before = await service.rows("SELECT * FROM debtor ORDER BY debtor_id")
    for any_id, where, number, what, status, code in (
        (person_id, portfolio_id, "A-1", "link", 409, "linked-already"),
        (person_id, stranger, "S-1", "link", 409, "of-another-creditor"),
        (alone, portfolio_id, "C-1", "unlink", 409, "only-customer"),
        (uuid4(), portfolio_id, "A-1", "link", 404, "person-unknown"),
        (person_id, portfolio_id, "X-9", "link", 404, "contract-unknown"),
    ):
        answer = await decided(service, any_id, where, number, what, status=status)
        assert answer["type"].endswith(code)
    assert await service.rows("SELECT * FROM debtor ORDER BY debtor_id") == before


async def test_people_are_not_joined_against_a_word_about_a_third_contract(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    await service.load(portfolio_id, ana("C-1", "K3"), ana("D-1", "K4", debtor_name="Eva Sol"), as_of="2026-09-11")
    await decided(service, person_id, portfolio_id, "C-1", "unlink")
    third = await person_of(service, portfolio_id, "C-1")
    await decided(service, third, portfolio_id, "D-1", "link")
    answer = await decided(service, person_id, portfolio_id, "D-1", "link", status=409)
    assert answer["type"].endswith("people-unlinked")
    assert "C-1" in answer["detail"]


async def test_a_death_reaches_the_person_and_stays_with_the_customer_of_whom_it_was_said(
    service: ServiceClient,
) -> None:
    portfolio_id, person_id = await linked(service)
    outcome = await report(service, portfolio_id, "B-1", "deceased")
    assert outcome["contracts"] == 2
    assert await status_of(service, portfolio_id, "A-1") == "deceased"
    events = {event.contract_id for event in await published(service.database, DebtorStatusChanged)}
    assert events == {uuid5(portfolio_id, number) for number in ("A-1", "B-1")}
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await status_of(service, portfolio_id, "A-1") == "active"
    assert await status_of(service, portfolio_id, "B-1") == "deceased"
    last = (await published(service.database, DebtorStatusChanged))[-1]
    assert (last.contract_id, last.status) == (uuid5(portfolio_id, "A-1"), "active")


async def test_a_death_that_is_said_of_both_customers_stays_with_both(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    await report(service, portfolio_id, "B-1", "deceased")
    again = Report(uuid5(portfolio_id, "A-1"), DebtorStatus.DECEASED, "visitor")
    async with service.database.transaction() as tx:
        await lock_contracts(tx, [], with_debtors_of=[again.contract_id])
        await statuses.apply_reports(tx, [again])
    lines = [line for line in await service.history(portfolio_id, "A-1") if line["kind"] == "debtor_status_changed"]
    assert [line["data"]["reported_by"] for line in lines] == ["operator", "visitor"]
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await status_of(service, portfolio_id, "A-1") == "deceased"


async def test_an_operator_who_says_that_the_person_lives_says_it_of_all_their_customers(
    service: ServiceClient,
) -> None:
    portfolio_id, person_id = await linked(service)
    await report(service, portfolio_id, "B-1", "deceased")
    await report(service, portfolio_id, "A-1", "active")
    assert await status_of(service, portfolio_id, "B-1") == "active"
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await status_of(service, portfolio_id, "B-1") == "active"


async def test_a_report_from_outside_lifts_nothing_that_was_said_of_another_customer(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    await report(service, portfolio_id, "B-1", "represented")
    milder = Report(uuid5(portfolio_id, "A-1"), DebtorStatus.UNLOCATABLE, "visitor")
    async with service.database.transaction() as tx:
        await lock_contracts(tx, [], with_debtors_of=[milder.contract_id])
        await statuses.apply_reports(tx, [milder])
    assert await status_of(service, portfolio_id, "A-1") == "represented"
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await status_of(service, portfolio_id, "A-1") == "unlocatable"


async def test_an_opt_out_reaches_the_person_and_stays_with_the_customer_of_whom_it_was_said(
    service: ServiceClient,
) -> None:
    portfolio_id, person_id = await linked(service)
    await mark(service, portfolio_id, "B-1", "opted_out")
    assert await marks(service, portfolio_id, "A-1") == REFUSED
    events = await published(service.database, ContactPointChanged)
    assert {event.contract_id for event in events} == {uuid5(portfolio_id, number) for number in ("A-1", "B-1")}
    # A third customer of the person comes with the same phone.
    await service.load(portfolio_id, ana("C-1", "K3"), as_of="2026-09-11")
    assert await marks(service, portfolio_id, "C-1") == REFUSED
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert [await marks(service, portfolio_id, number) for number in ("A-1", "B-1", "C-1")] == [FREE, REFUSED, FREE]


async def test_marks_of_several_customers_add_up_and_part_again(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    await mark(service, portfolio_id, "A-1", "opted_out", medium="sms")
    await mark(service, portfolio_id, "B-1", "invalid")
    both = (True, False, ["sms"], False)
    assert [await marks(service, portfolio_id, number) for number in ("A-1", "B-1")] == [both, both]
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await marks(service, portfolio_id, "A-1") == (False, False, ["sms"], True)
    assert await marks(service, portfolio_id, "B-1") == (True, False, [], False)
    await decided(service, person_id, portfolio_id, "B-1", "link")
    assert [await marks(service, portfolio_id, number) for number in ("A-1", "B-1")] == [both, both]


async def test_what_is_taken_back_is_taken_back_for_the_whole_person(service: ServiceClient) -> None:
    portfolio_id, person_id = await linked(service)
    await mark(service, portfolio_id, "B-1", "opted_out")
    await mark(service, portfolio_id, "A-1", "opt_out_withdrawn", reason="a mistake")
    assert [await marks(service, portfolio_id, number) for number in ("A-1", "B-1")] == [FREE, FREE]
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    assert await marks(service, portfolio_id, "B-1") == FREE


async def test_candidates_come_in_pages(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    ids = [f"US-{n}" for n in range(3)]
    await service.load(portfolio_id, *(ana(f"{i}-{n}", f"{i}{n}", tax_id=i) for i in ids for n in range(2)))
    found: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = await service.get("/v1/people/candidates", limit=2, **cursor)
        found += [item["tax_id"] for item in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert found == ["US0", "US1", "US2"]
    assert await candidates(service, creditor_id=str(uuid4())) == []


async def test_a_rebuild_and_a_second_reading_find_the_same_people(service: ServiceClient) -> None:
    """The ids are made from what the files say. A word that a person gave survives."""
    portfolio_id, person_id = await linked(service)
    await service.load(portfolio_id, ana("C-1", "K3"), as_of="2026-09-11")
    await decided(service, person_id, portfolio_id, "B-1", "unlink")
    shown = {number: await person_of(service, portfolio_id, number) for number in ("A-1", "B-1", "C-1")}
    async with service.database.transaction() as tx:
        tx.audience = "dialer-feed"
        after: str | None = ""
        while after is not None:
            after = await republish(tx, after)
    events = {
        event.contract_number: event.debtor for event in (await published(service.database, ContractRevised))[-3:]
    }
    assert {number: events[number].person_id or events[number].debtor_id for number in events} == shown
    rows = [ana("A-1", "K1"), ana("B-1", "K2"), ana("C-1", "K3")]
    await service.load(portfolio_id, *rows, as_of="2026-09-12")
    assert {number: await person_of(service, portfolio_id, number) for number in shown} == shown


def decision(portfolio_id: UUID, number: str) -> PersonDecision:
    return PersonDecision(contract_id=uuid5(portfolio_id, number), reason="two people")


async def meeting(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch, portfolio_id: UUID, *rows: dict[str, str], other: Any
) -> None:
    """Load these rows, and begin ``other`` when the file has locked and decided, and is about to write its links."""
    await service.upload(portfolio_id, csv_of(*rows), "2026-09-11")
    tasks: list[asyncio.Task[None]] = []
    write = contact_points.spread

    async def then_other(*arguments: Any) -> None:
        await write(*arguments)
        if not tasks:
            tasks.append(asyncio.create_task(other()))
            await service.until_waiting(1)

    monkeypatch.setattr(contact_points, "spread", then_other)
    assert await service.loader.load_one()
    assert tasks
    await asyncio.gather(*tasks)


async def test_a_death_that_is_reported_while_a_file_links_reaches_the_whole_person(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"))

    async def died() -> None:
        async with service.database.transaction() as tx:
            death = NewDebtorStatus(status=DebtorStatus.DECEASED, reported_by="operator")
            await statuses.set_status(tx, uuid5(portfolio_id, "A-1"), death)

    await meeting(service, monkeypatch, portfolio_id, ana("B-1", "K2"), other=died)
    assert [await status_of(service, portfolio_id, number) for number in ("A-1", "B-1")] == ["deceased"] * 2
    events = {event.contract_id for event in await published(service.database, DebtorStatusChanged)}
    assert events == {uuid5(portfolio_id, number) for number in ("A-1", "B-1")}


async def test_a_file_that_links_and_a_person_who_unlinks_meet(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file links C-1 while the person unlinks B-1: both hold."""
    portfolio_id, person_id = await linked(service)

    async def unlinks() -> None:
        async with service.database.transaction() as tx:
            await people.unlink(tx, person_id, decision(portfolio_id, "B-1"))

    await meeting(service, monkeypatch, portfolio_id, ana("C-1", "K3"), other=unlinks)
    assert await person_of(service, portfolio_id, "C-1") == await person_of(service, portfolio_id, "A-1") == person_id
    assert await person_of(service, portfolio_id, "B-1") != person_id
    await service.load(portfolio_id, ana("B-1", "K2"), as_of="2026-09-12")
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 2


@pytest.mark.parametrize("what", ["death", "unlink"])
async def test_a_file_looks_again_at_people_who_changed_while_it_waited_for_them(
    service: ServiceClient, what: str
) -> None:
    """The person's word is written, but not committed, when the file finds whom to link."""
    portfolio_id, person_id = await linked(service)
    answer = await service.upload(portfolio_id, csv_of(ana("C-1", "K3")), "2026-09-11")
    async with service.database.transaction() as tx:
        if what == "unlink":
            await people.unlink(tx, person_id, decision(portfolio_id, "B-1"))
        else:
            death = NewDebtorStatus(status=DebtorStatus.DECEASED, reported_by="operator")
            await statuses.set_status(tx, uuid5(portfolio_id, "B-1"), death)
        loading = asyncio.create_task(service.loader.load_one())
        await service.until_waiting(1)
    assert await loading
    assert (await service.file(answer.json()["file_id"]))["status"] == "loaded"
    if what == "unlink":
        assert await people_of(service, portfolio_id, "A-1", "B-1", "C-1") == 3
        assert await why(service) == [["unlinked"]]
    else:
        assert await status_of(service, portfolio_id, "C-1") == "deceased"


async def test_whoever_waits_for_debtors_who_are_linked_meanwhile_locks_the_person_first(
    service: ServiceClient,
) -> None:
    """Locks that were taken for the debtors as they were are let go, so that the order of locks holds."""
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"), row("B-1", debtor_number="K2"))
    a1, b1 = (uuid5(portfolio_id, number) for number in ("A-1", "B-1"))
    held = asyncio.Event()

    async def wait_for_both() -> set[UUID]:
        async with service.database.transaction() as tx:
            locked = await lock_contracts(tx, [], with_debtors_of=[a1])
            held.set()
            return locked

    async with service.database.transaction() as tx:
        person = await person_of(service, portfolio_id, "A-1")
        await people.link(tx, person, decision(portfolio_id, "B-1"))
        waiting = asyncio.create_task(wait_for_both())
        await service.until_waiting(1)
        assert not held.is_set()
    assert await waiting == {a1, b1}


async def test_contracts_that_a_person_accepts_are_linked(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, ana("A-1", "K1"), ana("B-1", "K2", debtor_name="Eva Sol", tax_id=""))
    await report(service, portfolio_id, "B-1", "deceased")
    file = await service.load(portfolio_id, ana("B-1", "K3"), as_of="2026-09-11")
    assert file["undecided"] == 1
    path = f"/v1/files/{file['file_id']}/confirmation"
    assert (await service.client.post(path, json={"accept": True})).status_code == 200
    assert await people_of(service, portfolio_id, "A-1", "B-1") == 1
