"""Booking a bank's file that is killed again and again ends as if nothing had happened."""

from typing import Any
from uuid import UUID

import pytest
from bank_rows import counts, csv_file, portfolio
from killed_loaders import BANK_FILES, load_with_kills
from recobro_events.contracts.portfolio import PaymentReceived, PaymentReversed
from recobro_events.testing import published
from service_client import ServiceClient

CONTRACTS = 30
_STATE = """
SELECT contract_number, state, overdue_balance, total_balance, version,
    (SELECT array_agg((reference, amount, reversed_on)::text ORDER BY reference) FROM payment AS p
        WHERE p.contract_id = contract.contract_id) AS payments,
    (SELECT array_agg(kind ORDER BY kind) FROM contract_history AS h
        WHERE h.contract_id = contract.contract_id) AS history
FROM contract WHERE portfolio_id = $1 ORDER BY contract_number
"""
_WAITING = """
SELECT reference, amount, remaining, state FROM unidentified_payment WHERE portfolio_id = $1 ORDER BY reference
"""


def content() -> str:
    rows = [f"10/09/2026,{5 + n}.00,T-{n},C-{n % CONTRACTS + 1},,,,," for n in range(2 * CONTRACTS)]
    rows += [f"10/09/2026,9.00,X-{n},X-{n},,,,," for n in range(5)]
    rows += ["11/09/2026,5.00,T-0,,,,,,x", "11/09/2026,9.00,X-1,,,,,,x", "11/09/2026,9.00,X-99,,,,,,x"]
    return csv_file(*rows, "x,x,x,x,,,,,")


async def ready(service: ServiceClient) -> tuple[UUID, str]:
    portfolio_id = await portfolio(service, CONTRACTS)
    return portfolio_id, (await service.send_bank_file(portfolio_id, content())).json()["file_id"]


async def outcome(service: ServiceClient, portfolio_id: UUID, file_id: str) -> dict[str, Any]:
    file = await service.get(f"/v1/payment-files/{file_id}")
    rejects = [(one["row_number"], one["errors"]) for one in await service.bank_rejects(file_id)]
    events = []
    known = "SELECT contract_id, contract_number FROM contract WHERE portfolio_id = $1"
    numbers = {one["contract_id"]: one["contract_number"] for one in await service.rows(known, portfolio_id)}
    for kind in (PaymentReceived, PaymentReversed):
        events += [
            (kind.__name__, numbers[event.contract_id], event.version)
            for event in await published(service.database, kind)
            if event.contract_id in numbers
        ]
    rows = [tuple(one.values()) for sql in (_STATE, _WAITING) for one in await service.rows(sql, portfolio_id)]
    return {
        "file": counts(file) | {"status": file["status"], "amount": file["amount_accepted"]},
        "rejects": rejects,
        "rows": rows,
        "events": sorted(events),
    }


@pytest.mark.process
@pytest.mark.timeout(900)
async def test_a_bank_file_that_is_killed_ten_times_ends_as_an_undisturbed_one(service: ServiceClient) -> None:
    undisturbed, quiet_file = await ready(service)
    assert await service.bank.load_one()
    killed, file_id = await ready(service)
    moments = await load_with_kills(service, BANK_FILES, "payment_file", file_id, 2 * CONTRACTS + 5)
    expected, found = await outcome(service, undisturbed, quiet_file), await outcome(service, killed, file_id)
    assert found == expected, moments
    assert found["file"] == {
        "payments": 60,
        "reversals": 2,
        "unidentified": 5,
        "rows_rejected": 2,
        "status": "loaded",
        "amount": "2115.00",
    }
