"""Money whose contract nobody knows: a person allocates it, whole or in parts, or gives it back."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
from bank_rows import csv_file, portfolio, unpaid
from portfolio.payments.receiving import NewPayment, receive
from recobro_events.contracts.portfolio import PaymentReceived
from recobro_events.testing import published
from service_client import ServiceClient


async def waiting(service: ServiceClient, portfolio_id: UUID, *rows: str) -> list[dict[str, Any]]:
    await service.bank_file(portfolio_id, csv_file(*(rows or ("08/09/2026,60.00,T-1,X-1,,,por la tarjeta,Ana,",))))
    found: list[dict[str, Any]] = (await service.get("/v1/unidentified-payments", state="open"))["items"]
    return found


async def allocate(service: ServiceClient, unidentified_id: str, **body: Any) -> httpx.Response:
    return await service.client.post(f"/v1/unidentified-payments/{unidentified_id}/allocation", json=body)


async def test_an_allocation_is_a_payment_of_the_banks_day_and_a_part_leaves_the_rest(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    [one] = await waiting(service, portfolio_id)
    assert (one["payer"], one["concept"], one["why"], one["contract_number"]) == (
        "Ana",
        "por la tarjeta",
        "unknown",
        "X-1",
    )
    path = one["unidentified_id"]
    first = await allocate(service, path, contract_id=str(uuid5(portfolio_id, "C-1")), amount="25.00")
    assert first.status_code == 201, first.text
    left = first.json()["unidentified"]
    assert (left["state"], left["remaining"], len(left["allocations"])) == ("open", "35.00", 1)
    second = await allocate(service, path, portfolio_id=str(portfolio_id), contract_number="C-2")
    assert second.json()["unidentified"]["state"] == "allocated"
    events = await published(service.database, PaymentReceived)
    assert [(event.reference, str(event.paid_on), str(event.amount)) for event in events] == [
        ("T-1", "2026-09-08", "25.00"),
        ("T-1/2", "2026-09-08", "35.00"),
    ]
    assert await unpaid(service, portfolio_id, "C-2") == Decimal(165)
    third = await allocate(service, path, contract_id=str(uuid5(portfolio_id, "C-1")))
    assert (third.status_code, third.json()["type"].rpartition(":")[2]) == (409, "nothing-left")
    file = await service.bank_file(portfolio_id, csv_file("08/09/2026,60.00,T-1,C-3,,,,,"))
    assert file["known"] == 1


async def test_the_reversal_of_an_allocation_gives_the_money_back_to_those_who_look(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    [one] = await waiting(service, portfolio_id)
    path = one["unidentified_id"]
    wrong = (await allocate(service, path, contract_id=str(uuid5(portfolio_id, "C-1")))).json()
    answer = await service.client.post(
        f"/v1/payments/{wrong['payment_id']}/reversal", json={"reason": "wrong contract"}
    )
    assert answer.status_code == 201
    again = await service.get(f"/v1/unidentified-payments/{path}")
    assert (again["state"], again["remaining"], again["ended_at"]) == ("open", "60.00", None)
    right = await allocate(service, path, contract_id=str(uuid5(portfolio_id, "C-2")))
    assert right.status_code == 201, right.text
    assert [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2)] == [Decimal(200), Decimal(140)]


async def test_the_banks_reversal_takes_back_every_allocation(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    [one] = await waiting(service, portfolio_id)
    for n in (1, 2):
        body = {"contract_id": str(uuid5(portfolio_id, f"C-{n}")), "amount": "20.00"}
        assert (await allocate(service, one["unidentified_id"], **body)).status_code == 201
    file = await service.bank_file(portfolio_id, csv_file("10/09/2026,60.00,T-1,,,,,,x"))
    assert file["reversals"] == 1
    after = await service.get(f"/v1/unidentified-payments/{one['unidentified_id']}")
    assert (after["state"], after["remaining"], after["reversed_on"]) == ("reversed", "0.00", "2026-09-10")
    assert [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2)] == [Decimal(200)] * 2
    refused = await allocate(service, one["unidentified_id"], contract_id=str(uuid5(portfolio_id, "C-1")))
    assert refused.status_code == 409


async def test_money_that_is_given_back_waits_no_longer(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    [one] = await waiting(service, portfolio_id)
    path = f"/v1/unidentified-payments/{one['unidentified_id']}/return"
    assert (await service.client.post(path, json={})).status_code == 422
    returned = (await service.client.post(path, json={"reason": "not our customer"})).json()
    assert (returned["state"], returned["returned"], returned["return_reason"]) == (
        "returned",
        "60.00",
        "not our customer",
    )
    assert (await service.client.post(path, json={"reason": "again"})).status_code == 409
    assert (await service.get("/v1/unidentified-payments", state="open"))["items"] == []


async def test_a_payment_that_waits_unidentified_is_not_booked_a_second_time(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    [one] = await waiting(service, portfolio_id)
    body = {"amount": "60.00", "paid_on": "2026-09-08", "channel": "bank", "reference": "t-1"}
    contract_id = uuid5(portfolio_id, "C-1")
    answer = await service.client.post(f"/v1/contracts/{contract_id}/payments", json=body)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "payment-unidentified")
    assert answer.json()["unidentified_id"] == one["unidentified_id"]
    batch = {"payments": [body | {"contract_id": str(contract_id)}]}
    [result] = (await service.client.post("/v1/payments", json=batch)).json()["results"]
    assert (result["status"], result["code"]) == ("rejected", "payment-unidentified")


async def test_a_payment_that_is_booked_while_its_bank_file_arrives_counts_once(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    contract_id = uuid5(portfolio_id, "C-1")
    await service.send_bank_file(portfolio_id, csv_file("08/09/2026,60.00,T-1,X-1,,,,,"))
    facts = {"amount": "60.00", "paid_on": "2026-09-08", "channel": "bank", "reference": "T-1"}
    async with service.database.transaction() as tx:
        await receive(tx, contract_id, NewPayment.model_validate(facts))
        # The file has been read, and waits with its unmatched rows until this payment is there or not.
        loading = asyncio.create_task(service.bank.load_one())
        await service.until_waiting(1)
    assert await loading
    [file] = (await service.get("/v1/payment-files"))["items"]
    assert (file["known"], file["unidentified"]) == (1, 0)
    assert (await service.get("/v1/unidentified-payments"))["items"] == []


async def test_money_that_the_bank_took_back_before_it_was_identified_is_not_booked_again(
    service: ServiceClient,
) -> None:
    portfolio_id = await portfolio(service)
    await waiting(service, portfolio_id)
    await service.bank_file(portfolio_id, csv_file("10/09/2026,60.00,T-1,,,,,,x"))
    again = await service.bank_file(portfolio_id, csv_file("08/09/2026,60.00,T-1,C-1,,,,,"))
    [rejected] = await service.bank_rejects(again["file_id"])
    assert rejected["errors"][0]["code"] == "reference_reversed"
    assert await unpaid(service, portfolio_id, "C-1") == Decimal(200)


async def test_wrong_allocations_change_nothing(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    other = await portfolio(service, 1)
    [one] = await waiting(service, portfolio_id)
    contract_id = str(uuid5(portfolio_id, "C-1"))
    for body, status in (
        ({}, 422),
        ({"contract_id": contract_id, "contract_number": "C-1"}, 422),
        ({"contract_id": contract_id, "amount": "60.01"}, 422),
        ({"contract_id": contract_id, "amount": "0"}, 422),
        ({"contract_id": str(uuid5(other, "C-1"))}, 422),
        ({"contract_id": str(uuid4())}, 404),
    ):
        assert (await allocate(service, one["unidentified_id"], **body)).status_code == status, body
    assert (await allocate(service, str(uuid4()), contract_id=contract_id)).status_code == 404
    assert (await service.get(f"/v1/unidentified-payments/{one['unidentified_id']}")) == one


async def test_two_people_allocate_the_same_money_and_one_of_them_is_told(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    [one] = await waiting(service, portfolio_id)
    bodies = [{"contract_id": str(uuid5(portfolio_id, f"C-{n}"))} for n in (1, 2)]
    answers = await asyncio.gather(*(allocate(service, one["unidentified_id"], **body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    owed = [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2)]
    assert sum(owed) == Decimal(340)


async def test_what_contradicts_itself_waits_and_is_found_by_filters(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    path = f"/v1/contracts/{uuid5(portfolio_id, 'C-2')}/payment-names"
    await service.client.put(path, json={"payment_reference": "R-2"})
    found = await waiting(
        service,
        portfolio_id,
        "08/09/2026,60.00,T-1,C-1,R-2,,,,",
        "09/09/2026,70.00,T-2,X-1,R-2,,,Beto Ruiz,",
    )
    assert [one["why"] for one in found] == ["several", "unknown"]
    for parameters, references in (
        ({"q": "beto"}, ["T-2"]),
        ({"q": "T-1"}, ["T-1"]),
        ({"amount_from": "65.00"}, ["T-2"]),
        ({"paid_to": "2026-09-08"}, ["T-1"]),
        ({"state": "returned"}, []),
        ({"order": "desc"}, ["T-2", "T-1"]),
        ({"file_id": str(uuid4())}, []),
    ):
        listed = await service.get("/v1/unidentified-payments", portfolio_id=str(portfolio_id), **parameters)
        assert [one["reference"] for one in listed["items"]] == references, parameters
    first = await service.get("/v1/unidentified-payments", limit=1)
    then = await service.get("/v1/unidentified-payments", limit=1, cursor=first["next_cursor"])
    assert [page["items"][0]["reference"] for page in (first, then)] == ["T-1", "T-2"]


async def test_what_the_bank_says_of_payers_expires(service: ServiceClient) -> None:
    portfolio_id = await portfolio(service)
    [one] = await waiting(service, portfolio_id)
    path = f"/v1/unidentified-payments/{one['unidentified_id']}"
    past = "UPDATE payment_file SET finished_at = now() - interval '31 days'"
    await service.rows(f"{past} RETURNING file_id")
    await service.bank.expire()
    assert (await service.get(path))["payer"] == "Ana"
    assert await service.rows("SELECT FROM payment_file_row WHERE cells IS NOT NULL") == []
    await service.client.post(f"{path}/return", json={"reason": "x"})
    await service.rows("UPDATE unidentified_payment SET ended_at = now() - interval '31 days' RETURNING file_id")
    await service.bank.expire()
    after = await service.get(path)
    assert (after["payer"], after["concept"], after["reference"]) == (None, None, "T-1")
    answer = await service.client.get(f"/v1/payment-files/{one['file_id']}/rejects")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "rejects-expired")
