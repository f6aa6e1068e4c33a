"""Events whose bodies SQL writes have exactly the fields of their event types."""

import json
import re
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import httpx
import portfolio
import pytest
from events_of_other_services import receive
from portfolio import republishing
from portfolio.strategy import judging
from portfolio_builders import TODAY, Given, days_ago, pay, reverse
from recobro_events import Event
from recobro_events.contracts import dialer_feed
from recobro_events.contracts.portfolio import (
    ContractEscalated,
    ContractRegistered,
    ContractRevised,
    ContractSegmentChanged,
    ContractStageChanged,
)
from recobro_events.testing import published

WRITTEN: tuple[type[Event], ...] = (
    ContractStageChanged,
    ContractSegmentChanged,
    ContractEscalated,
    ContractRegistered,
    ContractRevised,
)


async def everything_that_sql_publishes(client: httpx.AsyncClient, given: Given) -> None:
    """Publish a contract with every kind of part. A report and a request restage it; it is revised and republished."""
    portfolio_id = await given.portfolio()
    contract_id = await given.contract(
        portfolio_id,
        (days_ago(30), "100.00"),
        (days_ago(2), "50.00"),
        phones=["+525555123456"],
        debtor_number="D",
        tax_id="PEMA800101AAA",
    )
    await given.business_date(portfolio_id, TODAY + timedelta(days=1))
    await receive(given, dialer_feed.ClarificationRequested(contract_id=contract_id, reason="no", reported_by="d"))
    pause = {"reason": "flood", "starts_on": str(TODAY), "ends_on": str(TODAY)}
    assert (await client.post(f"/v1/contracts/{contract_id}/pauses", json=pause)).status_code == 201
    await pay(client, contract_id, "20.00")
    whole = await pay(client, contract_id, "130.00")
    await reverse(client, whole["payment_id"])
    await judging.work(given.database)
    async with given.database.transaction() as tx:
        tx.audience = "dialer-feed"
        place: str | None = ""
        while place is not None:
            place = await republishing.republish(tx, place)


@pytest.mark.parametrize("event_type", WRITTEN)
async def test_a_body_that_sql_writes_has_exactly_the_fields_of_its_event_type(
    client: httpx.AsyncClient, given: Given, event_type: type[Event]
) -> None:
    await everything_that_sql_publishes(client, given)
    decoded = await published(given.database, event_type)
    rows = await given.rows(
        f"SELECT event_id, key, body, audience FROM outbox_{event_type.lane} WHERE type = $1 ORDER BY id",
        event_type.type,
    )
    seen: defaultdict[bool, set[str]] = defaultdict(set)
    for event, row in zip(decoded, rows, strict=True):
        written = json.loads(row["body"])
        assert event.model_dump(mode="json", include=set(written)) == written
        assert row["key"] == str(event.key)
        seen[row["audience"] is not None] |= set(written)
    # Only a republished contract lists all payments. Otherwise each payment is an event of its own.
    assert seen.pop(False) == set(event_type.model_fields) - {"payments"}
    assert seen in ({}, {True: set(event_type.model_fields)})


async def test_a_republished_contract_carries_every_kind_of_part(client: httpx.AsyncClient, given: Given) -> None:
    await everything_that_sql_publishes(client, given)
    *_, revised = await published(given.database, ContractRevised)
    assert revised.is_republished
    parts = ("contact_points", "addresses", "instalments", "open_clarifications", "pauses", "payments")
    assert all(getattr(revised, name) for name in (*parts, "last_payment"))


def test_only_these_write_events_and_history_in_sql() -> None:
    package = Path(portfolio.__file__).parent
    writes = re.compile(r"INTO outbox_|outbox\.rows\(|INTO contract_history|INTO_HISTORY")
    found = {str(path.relative_to(package)) for path in package.rglob("*.py") if writes.search(path.read_text())}
    of_the_ledger = {"ledger/positions_queries.py", "ledger/whole_queries.py", "ledger/history.py"}
    assert found == {
        *of_the_ledger,
        "debtors/attempts_queries.py",
        "stages/scopes_queries.py",
        "strategy/queries.py",
    }
