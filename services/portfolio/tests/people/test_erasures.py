"""A person is erased: nothing that says who it was is left, and nothing brings it back. Money and opt-outs hold on."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import pytest
from bank_rows import csv_file
from chassis import clock
from chassis.testing import mint
from chassis.testing.canaries import tables_with
from people_service import ANA, ana, person_of
from portfolio.desk import filling
from portfolio.handlers import consumer
from portfolio.republishing import republish
from prometheus_client import REGISTRY
from recobro_events.contracts.dialer_feed import ContactInvalid, PaymentClaimed
from recobro_events.contracts.field_visits import AttendedBy, ContactDataCollected, VisitCompleted, VisitOutcome
from recobro_events.contracts.portfolio import ContactKind, ContractRevised, ContractWhole, DebtorErased
from recobro_events.testing import apply_events, published
from recobro_platform import SCOPES
from service_client import ServiceClient, csv_of, row

WORD = "Canarito"
PHONE = "9998887766"
CANARIES = (WORD, PHONE, ANA, "97070", "Lopez Ruiz", "López Ruiz")
ADDRESS = {"street": f"Calle {WORD}", "exterior": "7", "postal_code": "97070", "city": "Mérida", "state": "Yucatán"}
GUARANTOR = {"guarantor_name": f"{WORD} Aval", "guarantor_phone": "9991112233"}


def supervisor() -> dict[str, str]:
    return {"Authorization": f"Bearer {mint([*SCOPES, 'role:supervisor'], subject='irma')}"}


async def erase(service: ServiceClient, any_id: UUID, **headers: str) -> httpx.Response:
    return await service.client.post(
        f"/v1/people/{any_id}/erasure", json={"reason": "request 12"}, headers=supervisor() | headers
    )


async def erased(service: ServiceClient, any_id: UUID) -> dict[str, Any]:
    answer = await erase(service, any_id)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def post(service: ServiceClient, path: str, answered: int = 201, **body: Any) -> dict[str, Any]:
    answer = await service.client.post(path, json=body)
    assert answer.status_code == answered, answer.text
    return answer.json()  # type: ignore[no-any-return]


def stated(number: str = "A-1", customer: str = "K1", **cells: str) -> dict[str, str]:
    person = {"phone_1": PHONE, "email": f"{WORD}@example.org", "due_date": "2026-08-01", "amount_due": "100.00"}
    return ana(number, customer, **(person | ADDRESS | cells))


async def a_paid_contract(service: ServiceClient, *, told: bool = False) -> tuple[UUID, UUID]:
    """``told``: people have written the canary wherever they can."""
    portfolio_id = await service.portfolio()
    contract_id = uuid5(portfolio_id, "A-1")
    await service.load(portfolio_id, stated(**GUARANTOR), columns=tuple(stated(**GUARANTOR)))
    if told:
        await everything_is_said(service, portfolio_id, contract_id)
    await service.pay(portfolio_id, "A-1", "100.00", "2026-09-10")
    return portfolio_id, contract_id


async def everything_is_said(service: ServiceClient, portfolio_id: UUID, contract_id: UUID) -> None:
    """Write the canary wherever people, agencies and banks can write a text about a contract."""
    path = f"/v1/contracts/{contract_id}"
    charge: dict[str, Any] = {
        "kind": "fee",
        "amount": "5.00",
        "charged_on": "2026-09-10",
        "reason": f"agreed with {WORD}",
    }
    notice: dict[str, Any] = {
        "kind": "reminder",
        "channel": "letter",
        "sent_on": "2026-09-10",
        "document": f"drawer of {WORD}",
    }
    await post(service, f"{path}/notices", **notice, proof={"registered_number": "RR1"})
    taken = await post(service, f"{path}/charges", **charge)
    await post(service, f"/v1/charges/{taken['charge_id']}/reversal", reason=f"{WORD} was right")
    paid = await post(service, f"{path}/payments", amount="1.00", paid_on="2026-09-10", channel="branch")
    await post(service, f"/v1/payments/{paid['payment_id']}/reversal", reason=f"{WORD} paid by mistake")
    dispute: dict[str, Any] = {"reason": f"the neighbour {WORD}", "detail": f"says {WORD}", "opened_by": "debtor"}
    opened = await post(service, f"{path}/clarifications", **dispute)
    outcome: dict[str, Any] = {"outcome": "rejected", "detail": f"{WORD} is wrong"}
    await post(service, f"/v1/clarifications/{opened['clarification_id']}/resolution", **outcome)
    paused = await post(service, f"{path}/pauses", reason=f"{WORD} is ill", starts_on="2026-09-10")
    await post(service, f"/v1/pauses/{paused['pause_id']}/end", 200)
    status: dict[str, Any] = {"status": "unlocatable", "reported_by": f"aunt of {WORD}", "detail": f"{WORD} has moved"}
    await post(service, f"{path}/debtor-status", **status)
    await post(service, f"{path}/contact-points", kind="phone", value="9997654321", provenance=f"{WORD}'s aunt")
    await post(service, f"{path}/parties", role="reference", name=f"{WORD} Tía")
    await post(service, f"{path}/attempts", channel="call", outcome="refused", note=f"{WORD} shouts")
    person_id = await person_of(service, portfolio_id, "A-1")
    await post(service, f"/v1/people/{person_id}/convenience", not_days=["sun"], reason=f"{WORD} rests")
    visit = {"visit_id": uuid4(), "agency_id": None, "contract_id": contract_id, "effective": False}
    found = ContactDataCollected(kind=ContactKind.PHONE, value="9993334455", provenance=f"{WORD}'s son", **visit)
    claim = PaymentClaimed(
        contract_id=contract_id, list_id=uuid4(), agency_id=None, detail=f"{WORD} paid", reported_by="agent"
    )
    await apply_events(service.database, consumer, found, claim)


async def test_nothing_of_an_erased_person_is_left_but_the_money(service: ServiceClient) -> None:
    portfolio_id, contract_id = await a_paid_contract(service, told=True)
    rejected = await service.load(portfolio_id, stated(amount_due="x"), row("B-1"), as_of="2026-09-11")
    assert rejected["rows_rejected"] == 1
    before = await tables_with(service.database, CANARIES)
    written = {
        "address",
        "attempt",
        "charge",
        "clarification",
        "contact_point",
        "contract",
        "contract_history",
        "convenience",
    }
    assert written | {"file_reject", "notice", "party", "pause", "payment", "report"} <= set(before)

    person_id = await person_of(service, portfolio_id, "A-1")
    assert (await service.get(f"/v1/people/{person_id}/erasure"))["may_be_erased"] is True
    answer = await erased(service, person_id)

    assert answer["contract_ids"] == [str(contract_id)]
    assert await tables_with(service.database, CANARIES) == {}
    shown = await service.contract(portfolio_id, "A-1")
    for path in ("", "/history", "/parties", "/attempts", "/charges"):
        told = await service.client.get(f"/v1/contracts/{contract_id}{path}")
        assert told.status_code == 200, path
        assert not [one for one in CANARIES if one in told.text], path
    assert (shown["debtor"]["name"], shown["contact_points"], shown["addresses"]) == ("", [], [])
    assert [one["amount"] for one in shown["payments"]] == ["100.00", "1.00"]
    kinds = [line["kind"] for line in await service.history(portfolio_id, "A-1")]
    assert {"registered", "payment_received", "clarification_opened", "person_erased"} <= set(kinds)
    rejects = await service.client.get(f"/v1/files/{rejected['file_id']}/rejects")
    assert WORD not in rejects.text
    assert (await service.get("/v1/contracts", q=WORD))["items"] == []
    [listed] = (await service.get("/v1/erasures"))["items"]
    assert (listed["erasure_id"], listed["actor"]["subject"]) == (answer["erasure_id"], "irma")
    events = await published(service.database, DebtorErased)
    assert [event.contract_id for event in events] == [contract_id]


async def test_a_person_is_erased_with_all_customers_who_are_the_person(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, stated("A-1", "K1"), stated("B-1", "K2"))
    for number in ("A-1", "B-1"):
        await service.pay(portfolio_id, number, "100.00", "2026-09-10")
    counted = REGISTRY.get_sample_value("portfolio_erasures_total") or 0
    answer = await erased(service, await person_of(service, portfolio_id, "A-1"))
    assert REGISTRY.get_sample_value("portfolio_erasures_total") == counted + 1
    assert sorted(answer["contract_ids"]) == sorted(str(uuid5(portfolio_id, number)) for number in ("A-1", "B-1"))
    assert await tables_with(service.database, CANARIES) == {}


@pytest.mark.parametrize(
    ("jurisdiction", "paid", "code"), [("MX", False, "contracts-open"), ("US", True, "records-kept")]
)
async def test_whose_data_are_needed_is_not_erased(
    service: ServiceClient, jurisdiction: str, paid: bool, code: str
) -> None:
    portfolio_id = await service.portfolio(jurisdiction=jurisdiction)
    await service.load(portfolio_id, row("A-1", phone_1="2125550123"))
    if paid:
        await service.pay(portfolio_id, "A-1", "100.00", "2026-09-10")
    person_id = await person_of_contract(service, portfolio_id, "A-1")
    answer = await erase(service, person_id)
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (409, code), answer.text
    state = await service.get(f"/v1/people/{person_id}/erasure")
    assert state["may_be_erased"] is False
    assert (state["kept_until"] is not None, state["open_contracts"] != []) == (paid, not paid)
    assert (await service.contract(portfolio_id, "A-1"))["debtor"]["name"] == "Íñigo Peña"


async def person_of_contract(service: ServiceClient, portfolio_id: UUID, number: str) -> UUID:
    debtor = (await service.contract(portfolio_id, number))["debtor"]
    return UUID(debtor["person_id"] or debtor["debtor_id"])


async def test_only_a_supervisor_erases(service: ServiceClient) -> None:
    portfolio_id, _ = await a_paid_contract(service)
    person_id = await person_of(service, portfolio_id, "A-1")
    answer = await erase(service, person_id, Authorization=f"Bearer {mint()}")
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (403, "missing-role")
    assert (await erase(service, uuid4())).status_code == 404


async def test_an_erased_contract_takes_no_personal_data(service: ServiceClient) -> None:
    portfolio_id, contract_id = await a_paid_contract(service, told=True)
    known = (await service.contract(portfolio_id, "A-1"))["contact_points"][0]["contact_id"]
    await erased(service, await person_of(service, portfolio_id, "A-1"))
    path = f"/v1/contracts/{contract_id}"
    for what, body in (
        ("contact-points", {"kind": "phone", "value": PHONE, "provenance": "debtor"}),
        ("parties", {"role": "guarantor", "name": WORD}),
    ):
        refused = await post(service, f"{path}/{what}", 409, **body)
        assert refused["type"].endswith("person-erased")
    again = await service.load(portfolio_id, stated(), row("C-1"), as_of="2026-09-12", columns=tuple(stated()))
    assert (again["rows_accepted"], again["rows_rejected"]) == (1, 1)
    [line] = (await service.rejects(again["file_id"]))[1:]
    assert "debtor_erased" in " ".join(line)

    # What agencies report late changes nothing of it, and is no fault.
    visit = {"visit_id": uuid4(), "agency_id": None, "contract_id": contract_id}
    late = [
        ContactDataCollected(kind=ContactKind.PHONE, value="9993334455", provenance=f"{WORD}'s son", **visit),
        VisitCompleted(
            outcome=VisitOutcome.VISITED,
            attended_by=AttendedBy.DEBTOR,
            reason_for_non_payment=f"{WORD} is ill",
            started_at="2026-09-11T18:00:00Z",
            photos=0,
            **visit,
        ),
        ContactInvalid(contract_id=contract_id, contact_id=UUID(known), why="wrong_number", agency_id=None),
        PaymentClaimed(
            contract_id=contract_id, list_id=uuid4(), agency_id=None, detail=f"{WORD} paid", reported_by="agent"
        ),
    ]
    await apply_events(service.database, consumer, *late)
    found = await tables_with(service.database, [WORD, "9993334455"])
    assert set(found) <= {"file_reject"}, found


async def test_an_opt_out_holds_for_the_phone_after_the_erasure(service: ServiceClient) -> None:
    portfolio_id, _ = await a_paid_contract(service)
    points = (await service.contract(portfolio_id, "A-1"))["contact_points"]
    for point in points:
        answer = await service.client.patch(f"/v1/contact-points/{point['contact_id']}", json={"change": "opted_out"})
        assert answer.status_code == 200
    await erased(service, await person_of(service, portfolio_id, "A-1"))
    assert await tables_with(service.database, CANARIES) == {}

    await service.load(portfolio_id, row("D-1", phone_1=PHONE), row("E-1", phone_1="9990001122"), as_of="2026-09-12")
    [refused] = (await service.contract(portfolio_id, "D-1"))["contact_points"]
    assert (refused["opted_out"], refused["usable"]) == (True, False)
    [other] = (await service.contract(portfolio_id, "E-1"))["contact_points"]
    assert other["usable"] is True
    added = await post(
        service,
        f"/v1/contracts/{uuid5(portfolio_id, 'E-1')}/contact-points",
        kind="phone",
        value=PHONE,
        provenance="creditor",
    )
    assert added["opted_out"] is True

    # Whoever has the phone now may take the opt-out back.
    body = {"change": "opt_out_withdrawn", "reason": "a new owner"}
    answer = await service.client.patch(f"/v1/contact-points/{refused['contact_id']}", json=body)
    assert answer.json()["opted_out"] is False
    await service.load(portfolio_id, row("F-1", phone_1=PHONE), as_of="2026-09-13")
    assert (await service.contract(portfolio_id, "F-1"))["contact_points"][0]["opted_out"] is False


async def test_a_file_that_states_the_person_meanwhile_brings_nothing_back(service: ServiceClient) -> None:
    """The file is read before the erasure and applied after it."""
    portfolio_id, contract_id = await a_paid_contract(service)
    person_id = await person_of(service, portfolio_id, "A-1")
    content = csv_of(stated(amount_due="80.00"), row("B-1"), columns=tuple(stated()))
    answer = await service.upload(portfolio_id, content, "2026-09-12")
    assert answer.status_code == 202
    async with service.database.transaction() as tx:
        # The loader has read the file, and waits for the contract.
        await tx.execute("SELECT FROM contract WHERE contract_id = $1 FOR UPDATE", contract_id)
        loading = asyncio.create_task(service.loader.load_one())
        await service.until_waiting(1)
        erasing = asyncio.create_task(erase(service, person_id))
        await service.until_waiting(2)
    assert (await erasing).status_code in (201, 409)
    assert await loading
    file = await service.file(answer.json()["file_id"])
    assert file["status"] == "loaded"
    contract = await service.contract(portfolio_id, "A-1")
    if (await erasing).status_code == 201:
        assert (contract["debtor"]["name"], contract["state"]) == ("", "settled")
    else:
        # The file came first and has reopened the contract: its data are needed.
        assert (contract["debtor"]["name"], contract["state"]) == ("Ana López Ruiz", "open")


async def test_rows_that_wait_for_a_person_are_erased_and_not_applied(service: ServiceClient) -> None:
    portfolio_id, contract_id = await a_paid_contract(service)
    others = [row(f"Z-{n}") for n in range(4)]
    await service.load(portfolio_id, *others, as_of="2026-09-11")
    again = stated(amount_due="80.00", **GUARANTOR)
    content = csv_of(again, others[0], columns=tuple(again))
    answer = await service.upload(portfolio_id, content, "2026-09-12", "snapshot")
    assert await service.loader.load_one()
    file_id = answer.json()["file_id"]
    assert (await service.file(file_id))["confirmation_reason"] == "closes_many"
    waiting = {"file_address", "file_contact", "file_contract", "file_party", "file_party_contact"}
    assert waiting <= set(await tables_with(service.database, [*CANARIES, str(contract_id)]))

    await erased(service, await person_of(service, portfolio_id, "A-1"))
    assert await tables_with(service.database, CANARIES) == {}
    assert waiting & set(await tables_with(service.database, [str(contract_id)])) == set()
    await post(service, f"/v1/files/{file_id}/confirmation", 200, accept=True)
    assert await service.loader.load_one()
    assert (await service.file(file_id))["status"] == "loaded"
    contract = await service.contract(portfolio_id, "A-1")
    assert (contract["debtor"]["name"], contract["state"]) == ("", "settled")
    assert await tables_with(service.database, CANARIES) == {}


async def test_a_republished_contract_has_no_personal_data(service: ServiceClient) -> None:
    portfolio_id, contract_id = await a_paid_contract(service)
    await erased(service, await person_of(service, portfolio_id, "A-1"))
    [event] = await published(service.database, DebtorErased)
    async with service.database.transaction() as tx:
        tx.audience = "dialer-feed"
        after: str | None = ""
        while after is not None:
            after = await republish(tx, after)
    told = [
        one
        for one in await published(service.database, ContractRevised)
        if one.contract_id == contract_id and one.debtor.erased
    ]
    assert told
    whole: ContractWhole = told[-1]
    assert (whole.debtor.name, whole.contact_points, whole.addresses, whole.parties) == ("", (), (), ())
    assert whole.details_version == event.details_version


async def test_what_a_bank_says_of_the_payer_is_erased(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, stated())
    header = "paid_on,amount,bank_reference,contract_number,channel,concept,payer"
    lines = [f"2026-09-10,60.00,r1,A-1,spei,de {WORD},{WORD} SA", f"2026-09-10,40.00,r2,,spei,de {WORD},{WORD} SA"]
    file = await service.bank_file(portfolio_id, csv_file(*lines, header=header))
    [waiting] = (await service.get("/v1/unidentified-payments", file_id=file["file_id"]))["items"]
    path = f"/v1/unidentified-payments/{waiting['unidentified_id']}/allocation"
    await post(service, path, contract_id=str(uuid5(portfolio_id, "A-1")), amount="30.00")
    path = f"/v1/unidentified-payments/{waiting['unidentified_id']}/return"
    await post(service, path, 200, reason=f"{WORD} asks for the rest")
    await service.pay(portfolio_id, "A-1", "10.00", "2026-09-10")
    await erased(service, await person_of(service, portfolio_id, "A-1"))
    assert await tables_with(service.database, CANARIES) == {}


async def test_why_customers_are_not_one_person_is_erased(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, stated("A-1", "K1"), stated("B-1", "K2"))
    one = await person_of(service, portfolio_id, "A-1")
    reason = f"the brother of {WORD} has another birthday"
    await post(service, f"/v1/people/{one}/unlinks", contract_id=str(uuid5(portfolio_id, "B-1")), reason=reason)
    assert "person_unlink" in await tables_with(service.database, [reason])
    await service.pay(portfolio_id, "B-1", "100.00", "2026-09-10")
    await erased(service, await person_of(service, portfolio_id, "B-1"))
    assert await tables_with(service.database, [reason]) == {}


async def test_what_the_desk_knows_of_the_person_is_erased(
    service: ServiceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 9, 10, 18, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    portfolio_id = await service.portfolio()
    await service.load(portfolio_id, stated())
    person_id = await person_of(service, portfolio_id, "A-1")
    worklists = [(await post(service, "/v1/worklists", name=name, when={}))["worklist_id"] for name in ("all", "rest")]
    assert await filling.work(service.database)
    while await filling.work(service.database):
        pass

    async def given() -> str:
        found = (await post(service, f"/v1/worklists/{worklists[0]}/next", 200))["item"]
        return f"/v1/desk-items/{found['item_id']}"

    item = await given()
    await post(service, f"{item}/notes", note=f"{WORD} has moved")
    await post(service, f"{item}/escalation", reason=f"{WORD} wants a discount")
    decision = {"decision": "back", "note": f"{WORD} gets none"}
    answer = await service.client.post(f"{item}/decision", json=decision, headers=supervisor())
    assert answer.status_code == 201, answer.text
    await post(service, f"{await given()}/rescheduling", again_at=(now + timedelta(days=2)).isoformat())
    desk = ("desk_item", "desk_note", "desk_rest", "worklist_person")
    held = await tables_with(service.database, [WORD, str(person_id)])
    assert {name: held[name] for name in desk} == {
        "desk_item": [WORD, str(person_id)],
        "desk_note": [WORD, str(person_id)],
        "desk_rest": [str(person_id)],
        "worklist_person": [str(person_id)],
    }

    await service.pay(portfolio_id, "A-1", "100.00", "2026-09-10")
    await erased(service, person_id)
    held = await tables_with(service.database, [WORD, str(person_id)])
    # How the work on the person ended stays, with ids.
    assert {name: held[name] for name in desk if name in held} == {"desk_item": [str(person_id)]}
