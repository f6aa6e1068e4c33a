"""Builds what tests start from: a portfolio with its business date, and contracts in it."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from portfolio.ledger.positions import reposition
from portfolio.ledger.whole import publish_whole
from recobro_events import Database, Row
from recobro_events.contracts.portfolio import ContractRegistered

TODAY = date(2026, 9, 10)
"""The default business date of the portfolios that are built here."""


def days_ago(days: int, today: date = TODAY) -> date:
    return today - timedelta(days=days)


_WAITING = """
SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND datname = current_database()
"""


async def until_waiting(database: Database, backends: int) -> None:
    """Wait until so many connections to this database wait for a lock. Other tests share the server."""
    async with asyncio.timeout(240):
        while True:
            async with database.connection() as connection:
                if await connection.fetchval(_WAITING) >= backends:
                    return
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Given:
    """A database with a creditor, and methods that add portfolios and contracts to it."""

    database: Database
    creditor_id: UUID

    async def portfolio(self, business_date: date | None = TODAY, jurisdiction: str = "MX") -> UUID:
        """A portfolio that is ready and staged up to ``business_date``."""
        async with self.database.transaction() as tx:
            return await tx.fetchval(  # type: ignore[no-any-return]
                """
                INSERT INTO portfolio
                    (creditor_id, name, product, currency, jurisdiction, timezone, business_date, staged_to)
                VALUES ($1, 'Cards', 'card', 'MXN', $2, 'America/Mexico_City', $3, $3) RETURNING portfolio_id
                """,
                self.creditor_id,
                jurisdiction,
                business_date,
            )

    async def contract(
        self,
        portfolio_id: UUID,
        *instalments: tuple[date, str],
        number: str | None = None,
        debtor_number: str | None = None,
        name: str = "María Peña",
        phones: Sequence[str] = (),
        tax_id: str | None = None,
    ) -> UUID:
        """A contract with these instalments (due date, amount), numbered from 1, as a first load leaves it."""
        number = number or uuid.uuid4().hex[:10]
        contract_id = uuid.uuid5(portfolio_id, number)
        debtor_id = uuid.uuid5(self.creditor_id, debtor_number or str(contract_id))
        async with self.database.transaction() as tx:
            await tx.execute(
                "INSERT INTO debtor (debtor_id, creditor_id, debtor_number) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                debtor_id,
                self.creditor_id,
                debtor_number,
            )
            await tx.execute(
                """
                INSERT INTO contract (contract_id, portfolio_id, creditor_id, debtor_id, contract_number, debtor_name,
                    debtor_kind, tax_id, as_of, stated_as_of)
                SELECT $1, portfolio_id, $3, $4, $5, $6, 'person', $7, business_date, business_date
                FROM portfolio WHERE portfolio_id = $2
                """,
                contract_id,
                portfolio_id,
                self.creditor_id,
                debtor_id,
                number,
                name,
                tax_id,
            )
            for position, (due_on, amount) in enumerate(instalments, start=1):
                await tx.execute(
                    "INSERT INTO instalment VALUES ($1, $2, $3, $4::text::numeric, $4::text::numeric)",
                    contract_id,
                    position,
                    due_on,
                    amount,
                )
            for rank, phone in enumerate(phones):
                await tx.execute(
                    """
                    INSERT INTO contact_point
                        (contact_id, contract_id, kind, value, dialable, provenance, timezone, rank, version)
                    VALUES ($1, $2, 'phone', $3, true, 'creditor', 'America/Mexico_City', $4, 1)
                    """,
                    uuid.uuid5(contract_id, phone),
                    contract_id,
                    phone,
                    rank,
                )
            await tx.execute(
                """
                INSERT INTO address (address_id, contract_id, kind, street, exterior, postal_code, city, state, country)
                VALUES ($1, $2, 'personal', 'Calle "5" de Mayo', '12', '06000', 'Cuauhtémoc', 'Ciudad de México', 'MX')
                """,
                uuid.uuid4(),
                contract_id,
            )
            await reposition(tx, [contract_id], cause=None)
            await publish_whole(tx, [contract_id], ContractRegistered)
        return contract_id

    async def business_date(self, portfolio_id: UUID, day: date) -> None:
        """Move only the business date, as a run does before it stages the contracts."""
        async with self.database.transaction() as tx:
            await tx.execute("UPDATE portfolio SET business_date = $2 WHERE portfolio_id = $1", portfolio_id, day)

    async def row(self, contract_id: UUID) -> Row:
        """The stored row of the contract."""
        [row] = await self.rows("SELECT * FROM contract WHERE contract_id = $1", contract_id)
        return row

    async def rows(self, sql: str, *arguments: object) -> list[Row]:
        async with self.database.connection() as connection:
            return await connection.fetch(sql, *arguments)  # type: ignore[no-any-return]

    async def unpaid(self, contract_id: UUID) -> list[str]:
        """The unpaid amount of each instalment, the oldest first."""
        rows = await self.rows(
            "SELECT unpaid::text FROM instalment WHERE contract_id = $1 ORDER BY due_on, number", contract_id
        )
        return [row["unpaid"] for row in rows]

    async def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """All rows of the tables that a request may write. Tests compare them to show that nothing has changed."""
        tables = [
            "debtor",
            "debtor_contact_mark",
            "contract",
            "instalment",
            "payment",
            "payment_allocation",
            "clarification",
            "pause",
            "contact_point",
            "party",
            "party_contact_point",
            "contract_history",
            "outbox_events",
            "outbox_bulk",
        ]
        return {
            table: [tuple(row) for row in await self.rows(f"SELECT * FROM {table} AS t ORDER BY t::text")]
            for table in tables
        }


PAYMENT: dict[str, Any] = {"amount": "100.00", "paid_on": str(TODAY), "channel": "spei", "again": True}


async def pay(client: httpx.AsyncClient, contract_id: UUID, amount: str, **changes: Any) -> dict[str, Any]:
    """Pay over HTTP and return the receipt."""
    answer = await client.post(f"/v1/contracts/{contract_id}/payments", json=PAYMENT | {"amount": amount} | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def reverse(client: httpx.AsyncClient, payment_id: str) -> dict[str, Any]:
    """Reverse a payment over HTTP and return the answer."""
    answer = await client.post(f"/v1/payments/{payment_id}/reversal", json={"reason": "bounced"})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]
