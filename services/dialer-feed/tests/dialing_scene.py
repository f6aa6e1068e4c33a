"""The scene of dialer-feed's tests: a database, the real consumer and builder, and methods that drive them."""

import asyncio
import uuid
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from dialer_feed.campaigns import queries as campaigns
from dialer_feed.delivery import queries as delivery
from dialer_feed.handlers import consumer
from dialer_feed.lists import building, queries, requesting
from dialing_contracts import DAY, Contract, Phone
from recobro_events import Database, Event, Row
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn
from recobro_events.contracts.portfolio import (
    CreditorKind,
    PortfolioState,
    PortfolioStateChanged,
)
from recobro_events.testing import apply_events, published

__all__ = ["DAY", "Contract", "Phone", "Scene", "blocked_on_a_lock"]


class Scene:
    """A migrated database, the real consumer, one portfolio staged to ``DAY`` and one campaign."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.portfolio_id = uuid.uuid4()
        self.campaign_id = uuid.uuid4()
        self.builder = uuid.uuid4()
        self._versions: dict[UUID, int] = {}
        self._numbers = 0

    async def receives(self, *events: Event) -> None:
        """Apply these events as one batch of the real consumer."""
        await apply_events(self.database, consumer, *events)

    async def portfolio(self, portfolio_id: UUID | None = None, **changes: Any) -> UUID:
        """Apply the next event about a portfolio, with these changes. Return the portfolio's id."""
        event = self.portfolio_event(portfolio_id, **changes)
        await self.receives(event)
        return event.portfolio_id

    def portfolio_event(self, portfolio_id: UUID | None = None, **changes: Any) -> PortfolioStateChanged:
        portfolio_id = portfolio_id or self.portfolio_id
        self._versions[portfolio_id] = self._versions.get(portfolio_id, 0) + 1
        fields: dict[str, Any] = {
            "portfolio_id": portfolio_id,
            "version": self._versions[portfolio_id],
            "state": PortfolioState.READY,
            "business_date": DAY,
            "name": "Cartera Norte",
            "creditor_id": uuid.uuid4(),
            "creditor_kind": CreditorKind.FINANCIAL,
            "jurisdiction": "MX",
            "timezone": "America/Mexico_City",
        }
        return PortfolioStateChanged(**(fields | changes))

    async def campaign(self, **changes: Any) -> UUID:
        """Create a campaign over all portfolios: stages early and late, above 100.00, 3 days of hold-off."""
        columns: dict[str, Any] = {
            "name": "Daily",
            "agency_id": None,
            "min_overdue": Decimal("100.00"),
            "stages": ["early", "late"],
            "payment_holdoff_days": 3,
            "portfolio_ids": None,
            "max_attempts_per_7_days": None,
            "one_entry_per": "contract",
            "parties": False,
            "segments": None,
            "steps": None,
            "caller_ids": (),
            "permits": "optional",
            "kind": "blaster",
            "min_total": None,
            "due_within_days": None,
            "list_order": None,
            "daily_size": None,
            "phones_per_entry": None,
            "phone_order": (),
        }
        async with self.database.transaction() as tx:
            campaign_id: UUID = await tx.fetchval(campaigns.CREATE, *(columns | changes).values())
        return campaign_id

    def contract(self, **changes: Any) -> Contract:
        """Return a contract that may be listed. No event about it has been published yet."""
        self._numbers += 1
        fields: dict[str, Any] = {"number": f"C-{self._numbers:04}", "portfolio_id": self.portfolio_id}
        return Contract(**(fields | changes))

    async def contracts(self, count: int, **changes: Any) -> list[Contract]:
        """Return contracts that have been registered."""
        made = [self.contract(**changes) for _ in range(count)]
        await self.receives(*(contract.registered() for contract in made))
        return made

    async def requested(self, day: date = DAY, campaign_id: UUID | None = None) -> UUID:
        """Request a list and end its barrier, so that the list can be built. Return its id."""
        requested = await requesting.request(self.database, campaign_id or self.campaign_id, day)
        await self.end_barriers("reached")
        return requested.list_id

    async def end_barriers(self, state: str) -> None:
        """End the barriers in progress with this state."""
        async with self.database.transaction() as tx:
            await tx.execute("UPDATE barrier SET state = $1 WHERE state IN ('open', 'waiting')", state)

    async def built(self, day: date = DAY, campaign_id: UUID | None = None) -> UUID:
        """Request and build a list. Return its id. The list is published, or failed."""
        list_id = await self.requested(day, campaign_id)
        await self.advance()
        return list_id

    async def hears(self, seconds_ago: float = 0) -> None:
        """Everything that the other services had acknowledged so long ago has been applied here."""
        await self.execute(_HEARD, seconds_ago)

    async def advance(self) -> None:
        """Build every list that can be built."""
        await building.advance(self.database, self.builder)
        await self.until(_NOTHING_UNFINISHED)

    async def listed(self, list_id: UUID) -> list[str]:
        """Return the contract numbers that are still on the list."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(delivery.ENTRIES, list_id, None, None, 10_000)
        return [row["contract_number"] for row in rows]

    async def the_list(self, list_id: UUID) -> Row:
        async with self.database.connection() as connection:
            row: Row | None = await connection.fetchrow(queries.ONE, list_id, None)
        assert row is not None
        return row

    async def base(self, list_id: UUID) -> int:
        """Return the cursor that the list gives before its first withdrawal."""
        base: int = (await self.the_list(list_id))["cursor_base"]
        return base

    async def withdrawals(self, list_id: UUID) -> list[tuple[str, str]]:
        """Return contract number and reason of each withdrawal, in the order of the feed."""
        return [(row["contract_number"], row["reason"]) for row in await self.rows(_WITHDRAWN, list_id)]

    async def withdrawn_events(self) -> list[ListEntryWithdrawn]:
        return await published(self.database, ListEntryWithdrawn)

    async def rows(self, sql: str, *arguments: Any) -> list[Row]:
        async with self.database.connection() as connection:
            found: list[Row] = await connection.fetch(sql, *arguments)
        return found

    async def until(self, sql: str, *arguments: Any) -> None:
        """Return once this query returns true."""
        async with asyncio.timeout(240):
            while True:
                [row] = await self.rows(sql, *arguments)
                if row[0]:
                    return
                await asyncio.sleep(0.005)

    async def execute(self, sql: str, *arguments: Any) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(sql, *arguments)


_HEARD = """
INSERT INTO barrier (barrier_id, state, sources, opened_at)
VALUES (uuidv7(), 'reached', '{}', clock_timestamp() - make_interval(secs => $1))
"""
_WITHDRAWN = """
SELECT contract_number, reason FROM list_entry WHERE list_id = $1 AND cursor IS NOT NULL ORDER BY cursor
"""


_NOTHING_UNFINISHED = """
SELECT NOT EXISTS (
    SELECT FROM dialing_list JOIN barrier USING (barrier_id)
    WHERE dialing_list.status = 'building' AND barrier.state IN ('reached', 'failed'))
"""
_BLOCKED = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')
"""


async def blocked_on_a_lock(scene: Scene, statement: str) -> None:
    """Return once another connection of this database waits for a lock with this statement."""
    await scene.until(_BLOCKED, statement)
