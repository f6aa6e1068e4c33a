"""A bank's file that is tried says what it would do, changes nothing, and can then be booked."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

from bank_rows import counts, csv_file, portfolio, unpaid
from portfolio.bank_files import queries
from portfolio.files.uploads import COPIES_DAYS
from recobro_events.contracts.portfolio import PaymentReceived, PaymentReversed
from recobro_events.testing import published
from service_client import ServiceClient

KNOWN = csv_file("08/09/2026,10.00,K-1,C-1,,,,,", "08/09/2026,20.00,K-2,C-2,,,,,", "08/09/2026,30.00,K-3,C-3,,,,,")
EVERYTHING = csv_file(
    "10/09/2026,1.00,T-1,C-1,,,,,",
    "10/09/2026,2.00,T-2,C-1,,,,,",
    "10/09/2026,1.00,t-1,C-1,,,,,",
    "10/09/2026,4.00,T-1,C-1,,,,,",
    "08/09/2026,10.00,K-1,C-1,,,,,",
    "08/09/2026,11.00,K-2,C-2,,,,,",
    "10/09/2026,60.00,X-1,,,,,,",
    "10/09/2026,60.00,X-1,,,,,,",
    "10/09/2026,61.00,X-1,,,,,,",
    "x,1.00,B-1,C-1,,,,,",
    "11/09/2026,30.00,K-3,,,,,,x",
    "11/09/2026,30.00,K-3,,,,,,x",
    "11/09/2026,2.00,T-2,,,,,,x",
    "11/09/2026,2.00,T-2,,,,,,x",
    "11/09/2026,60.00,X-1,,,,,,x",
    "11/09/2026,9.00,T-1,,,,,,x",
    "11/09/2026,9.00,N-1,,,,,,x",
)
SUMS = ("amount_payments", "amount_known", "amount_reversals", "amount_unidentified", "amount_accepted")


async def ready(service: ServiceClient) -> UUID:
    portfolio_id = await portfolio(service)
    await service.bank_file(portfolio_id, KNOWN)
    return portfolio_id


async def told(service: ServiceClient, file: dict[str, Any]) -> dict[str, Any]:
    rejects = [(one["row_number"], one["errors"][0]["code"]) for one in await service.bank_rejects(file["file_id"])]
    return counts(file) | {name: file[name] for name in (*SUMS, "rows_accepted", "status")} | {"rejects": rejects}


async def test_a_dry_run_says_what_booking_then_does_and_changes_nothing(service: ServiceClient) -> None:
    portfolio_id = await ready(service)
    events = [len(await published(service.database, kind)) for kind in (PaymentReceived, PaymentReversed)]
    history = await service.rows("SELECT count(*) FROM contract_history")
    tried = await service.bank_file(portfolio_id, EVERYTHING, dry_run=True)
    assert (tried["dry_run"], tried["waiting"]) == (True, 0)
    expected = await told(service, tried)
    assert expected == {
        "payments": 2,
        "known": 5,
        "reversals": 3,
        "unidentified": 1,
        "rows_rejected": 6,
        "amount_payments": "3.00",
        "amount_known": "103.00",
        "amount_reversals": "92.00",
        "amount_unidentified": "60.00",
        "amount_accepted": "134.00",
        "rows_accepted": 11,
        "status": "loaded",
        "rejects": [
            (5, "payment_conflict"),
            (7, "payment_conflict"),
            (10, "payment_conflict"),
            (11, "bad_date"),
            (17, "reversal_differs"),
            (18, "reversal_unknown"),
        ],
    }
    assert [len(await published(service.database, kind)) for kind in (PaymentReceived, PaymentReversed)] == events
    assert await service.rows("SELECT count(*) FROM contract_history") == history
    assert [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2, 3)] == [190, 180, 170]
    assert (await service.get("/v1/unidentified-payments"))["items"] == []

    answer = await service.client.post(f"/v1/payment-files/{tried['file_id']}/booking")
    assert (answer.status_code, answer.json()["dry_run"], answer.json()["status"]) == (202, False, "received")
    assert await service.bank.load_one()
    booked = await service.get(f"/v1/payment-files/{tried['file_id']}")
    assert await told(service, booked) == expected
    assert [await unpaid(service, portfolio_id, f"C-{n}") for n in (1, 2, 3)] == [Decimal(189), 180, 200]


async def test_a_tried_file_is_booked_by_the_same_bytes_and_a_booked_one_is_not_tried(service: ServiceClient) -> None:
    portfolio_id = await ready(service)
    content = csv_file("10/09/2026,5.00,T-1,C-1,,,,,")
    tried = await service.bank_file(portfolio_id, content, dry_run=True)
    again = await service.bank_file(portfolio_id, content, dry_run=True)
    assert (again["file_id"], again["dry_run"], counts(again)) == (tried["file_id"], True, {"payments": 1})
    booked = await service.bank_file(portfolio_id, content)
    assert (booked["file_id"], booked["dry_run"], counts(booked)) == (tried["file_id"], False, {"payments": 1})
    for dry_run in (True, False):
        known = await service.send_bank_file(portfolio_id, content, dry_run=dry_run)
        assert (known.status_code, known.json()["dry_run"]) == (200, False)
    refused = await service.client.post(f"/v1/payment-files/{booked['file_id']}/booking")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "nothing-to-book")
    assert await unpaid(service, portfolio_id, "C-1") == Decimal(185)


async def test_a_file_that_is_being_tried_or_was_forgotten_is_not_booked(service: ServiceClient) -> None:
    portfolio_id = await ready(service)
    content = csv_file("10/09/2026,5.00,T-1,C-1,,,,,")
    file_id = (await service.send_bank_file(portfolio_id, content, dry_run=True)).json()["file_id"]
    path = f"/v1/payment-files/{file_id}/booking"
    for answer in (await service.client.post(path), await service.send_bank_file(portfolio_id, content)):
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "being-tried")
    assert await service.bank.load_one()
    await service.bank.clear_leftovers()
    later = f"UPDATE payment_file SET finished_at = now() - interval '{COPIES_DAYS + 1} days' WHERE file_id = $1"
    await service.rows(later, UUID(file_id))
    await service.bank.clear_leftovers()
    answer = await service.client.post(path)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "file-expired")
    assert counts(await service.bank_file(portfolio_id, content)) == {"payments": 1}


async def test_of_two_bookings_and_an_upload_at_once_one_books_the_file(service: ServiceClient) -> None:
    """The bytes are locked while all three come. Whichever is first queues the file, and the others find it so."""
    portfolio_id = await ready(service)
    content = csv_file("10/09/2026,5.00,T-1,C-1,,,,,")
    tried = await service.bank_file(portfolio_id, content, dry_run=True)
    path = f"/v1/payment-files/{tried['file_id']}/booking"
    [known] = await service.rows("SELECT sha256 FROM payment_file WHERE dry_run")
    async with service.database.transaction() as tx:
        await tx.execute(queries.LOCK_IDENTITY, f"{portfolio_id}|{known['sha256'].hex()}")
        requests = [service.client.post(path), service.client.post(path), service.send_bank_file(portfolio_id, content)]
        running = [asyncio.ensure_future(request) for request in requests]
        await service.until_waiting(len(running))
    answers = await asyncio.gather(*running)
    assert sorted(answer.status_code for answer in answers) in ([200, 202, 409], [202, 409, 409])
    assert await service.bank.load_one()
    assert not await service.bank.load_one()
    assert await unpaid(service, portfolio_id, "C-1") == Decimal(185)


async def test_totals_that_differ_are_told_by_a_dry_run(service: ServiceClient) -> None:
    portfolio_id = await ready(service)
    content = csv_file("10/09/2026,5.00,T-1,C-1,,,,,")
    tried = await service.bank_file(portfolio_id, content, dry_run=True, control_rows=2)
    assert (tried["status"], tried["error_code"]) == ("failed", "control_totals_differ")
