"""A load that is killed again and again ends as if nothing had happened."""

from typing import Any
from uuid import UUID

import pytest
from killed_loaders import PORTFOLIO_FILES, load_with_kills
from recobro_events.contracts.portfolio import ContractRegistered, ContractRevised, PaymentReceived, PortfolioFileLoaded
from recobro_events.testing import published
from service_client import ServiceClient, csv_of, row

CONTRACTS = 40
_STATE = """
SELECT contract_number, state, stage, overdue_balance, total_balance, version, incomplete, undecided_by IS NOT NULL,
    (SELECT array_agg((number, due_on, amount, unpaid)::text ORDER BY number) FROM instalment AS i
        WHERE i.contract_id = contract.contract_id) AS instalments,
    (SELECT array_agg((kind, value, current)::text ORDER BY value) FROM contact_point AS p
        WHERE p.contract_id = contract.contract_id) AS contacts,
    (SELECT array_agg((channel, amount, absorbed_by IS NULL)::text ORDER BY amount) FROM payment AS p
        WHERE p.contract_id = contract.contract_id) AS payments,
    (SELECT array_agg(kind ORDER BY kind) FROM contract_history AS h
        WHERE h.contract_id = contract.contract_id) AS history
FROM contract WHERE portfolio_id = $1 ORDER BY contract_number
"""


def first() -> bytes:
    return csv_of(*(row(f"C-{n:03}", i, due_date=f"2026-0{6 + i}-05") for n in range(CONTRACTS) for i in (1, 2)))


def second() -> bytes:
    """Restated, reduced, lacking an instalment, rejected, and new contracts."""
    rows = []
    for n in range(CONTRACTS + 10):
        amount = "60.00" if n % 5 == 1 else "x" if n % 17 == 3 else "100.00"
        rows.append(row(f"C-{n:03}", 1, due_date="2026-07-05", amount_due=amount, phone_1=f"55123456{n:02}"))
        if n % 7 != 2:
            rows.append(row(f"C-{n:03}", 2, due_date="2026-08-05"))
    return csv_of(*rows)


async def ready(service: ServiceClient) -> tuple[UUID, str]:
    """A portfolio with the first file loaded and some payments, and the second file waiting for its turn."""
    portfolio_id = await service.portfolio()
    assert (await service.upload(portfolio_id, first(), "2026-09-10")).status_code == 202
    assert await service.loader.load_one()
    for n in (4, 9):
        await service.pay(portfolio_id, f"C-{n:03}", "30.00", "2026-09-10")
    return portfolio_id, (await service.upload(portfolio_id, second(), "2026-09-12")).json()["file_id"]


async def outcome(service: ServiceClient, portfolio_id: UUID, file_id: str) -> dict[str, Any]:
    file = await service.file(file_id)
    kept = {name: value for name, value in file.items() if name.startswith(("rows_", "contracts", "amount"))}
    kept |= {name: file[name] for name in ("status", "set_aside", "file_payments", "undecided", "differs")}
    numbers = {
        one["contract_id"]: one["contract_number"]
        for one in await service.rows(
            "SELECT contract_id, contract_number FROM contract WHERE portfolio_id = $1", portfolio_id
        )
    }
    events = []
    for kind in (ContractRegistered, ContractRevised, PaymentReceived):
        events += [
            (kind.__name__, numbers[event.contract_id], event.version)
            for event in await published(service.database, kind)
            if event.contract_id in numbers
        ]
    loaded = [
        event for event in await published(service.database, PortfolioFileLoaded) if str(event.file_id) == file_id
    ]
    contracts = [tuple(one.values()) for one in await service.rows(_STATE, portfolio_id)]
    return {"file": kept, "contracts": contracts, "events": sorted(events), "loaded": len(loaded)}


@pytest.mark.process
@pytest.mark.timeout(900)
async def test_a_load_that_is_killed_at_ten_random_moments_ends_as_an_undisturbed_one(service: ServiceClient) -> None:
    undisturbed, quiet_file = await ready(service)
    assert await service.loader.load_one()
    killed, file_id = await ready(service)
    moments = await load_with_kills(service, PORTFOLIO_FILES, "file", file_id, CONTRACTS)
    expected, found = (
        await outcome(service, undisturbed, quiet_file),
        await outcome(service, killed, file_id),
    )
    assert found == expected, moments
    assert (found["file"]["status"], found["loaded"]) == ("loaded", 1)
    assert found["file"]["set_aside"] > 0
