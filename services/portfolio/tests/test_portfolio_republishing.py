"""The portfolio republishes its current state in chunks, with the current versions. Nothing changes by it."""

from typing import Any

import httpx
import pytest
from portfolio import republishing
from portfolio.portfolios import portfolios
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from recobro_events.contracts.portfolio import (
    ContractRegistered,
    ContractRevised,
    PaymentReceived,
    PortfolioStateChanged,
)
from recobro_events.testing import published

CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("clarifications", {"reason": "amount", "opened_by": "debtor"}),
    ("pauses", {"reason": "flood", "starts_on": str(TODAY), "ends_on": str(TODAY)}),
)


async def republish_all(given: Given, audience: str = "promises") -> list[str]:
    """Republish everything. Returns where each chunk ended."""
    chunks = [""]
    while True:
        async with given.database.transaction(bulk=True) as tx:
            tx.audience = audience
            after = await republishing.republish(tx, chunks[-1])
        if after is None:
            return chunks[1:]
        chunks.append(after)


async def republished(given: Given) -> list[ContractRevised]:
    """The republished contracts, in outbox order."""
    return [event for event in await published(given.database, ContractRevised) if event.envelope.audience is not None]


async def tables(given: Given) -> dict[str, Any]:
    everything = await given.everything()
    everything["portfolio"] = [tuple(row) for row in await given.rows("SELECT * FROM portfolio ORDER BY portfolio_id")]
    return {name: rows for name, rows in everything.items() if not name.startswith("outbox")}


async def test_everything_is_republished_once_in_chunks_and_nothing_changes(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(republishing, "CHUNK_CONTRACTS", 2)
    portfolio_ids = [await given.portfolio() for _ in range(2)]
    async with given.database.transaction() as tx:
        for portfolio_id in portfolio_ids:
            await portfolios.publish_state(tx, portfolio_id)
    for n in range(5):
        await given.contract(portfolio_ids[n % 2], (days_ago(n * 20), "100.00"), phones=[f"+52555512345{n}"])
    before = await tables(given)

    chunks = await republish_all(given)

    assert len(chunks) == 4
    assert await tables(given) == before
    registered = await published(given.database, ContractRegistered)
    contracts = await republished(given)
    assert [event.contract_id for event in contracts] == sorted(event.contract_id for event in registered)
    assert {event.envelope.audience for event in contracts} == {"promises"}
    assert [event.body() for event in contracts] == sorted(event.body() for event in registered)
    first, second, *states = await published(given.database, PortfolioStateChanged)
    assert {state.body() for state in states} == {first.body(), second.body()}
    assert [state.envelope.audience for state in states] == ["promises"] * 2


async def test_a_republished_contract_lists_all_payments_and_keeps_its_versions(
    client: httpx.AsyncClient, given: Given
) -> None:
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    ids = [(await pay(client, contract_id, amount))["payment_id"] for amount in ("10.00", "20.00", "30.00")]
    await reverse(client, ids[1])
    for kind, body in CHANGES:
        assert (await client.post(f"/v1/contracts/{contract_id}/{kind}", json=body)).status_code == 201
    row = await given.row(contract_id)

    await republish_all(given, audience="*")

    [event] = await republished(given)
    assert [(str(p.payment_id), f"{p.amount}", p.reversed) for p in event.payments] == [
        (ids[0], "10.00", False),
        (ids[1], "20.00", True),
        (ids[2], "30.00", False),
    ]
    received = await published(given.database, PaymentReceived)
    assert [(p.paid_on, p.business_date) for p in event.payments] == [(e.paid_on, e.as_of) for e in received]
    assert event.last_payment is not None
    assert str(event.last_payment.payment_id) == ids[2]
    assert (event.version, event.details_version) == (row["version"], row["details_version"])
    assert await given.row(contract_id) == row
    assert (len(event.open_clarifications), len(event.pauses)) == (1, 1)
    assert (event.overdue_balance, event.stage) == (row["overdue_balance"], row["stage"])


async def test_a_revision_that_is_not_republished_lists_no_payments(client: httpx.AsyncClient, given: Given) -> None:
    """Services have received each payment as an event, and a file may revise a million contracts."""
    contract_id = await given.contract(await given.portfolio(), (days_ago(40), "100.00"))
    await reverse(client, (await pay(client, contract_id, "100.00"))["payment_id"])
    [event] = await published(given.database, ContractRevised)
    assert event.payments == ()
