"""Everything that a check reads: the ledger, the services' databases and the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from faults.ledger import Ledger
from faults.logs import Log

_BALANCES = "SELECT contract_id, total_balance FROM contract WHERE contract_id = ANY($1)"
_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> ALL($1) ORDER BY table_name
"""
_FINGERPRINT = (
    "SELECT md5(coalesce(string_agg(r, E'\\n' ORDER BY r), '')) FROM (SELECT t::text AS r FROM {} AS t) AS rows"
)
_IGNORED_TABLES = ["consumer_position", "relay_heartbeat", "audit_unsealed", "audit_seal"]


@dataclass
class Books:
    """``dsns`` are by service. ``silenced`` are contracts that left their list for another reason than a write."""

    dsns: Mapping[str, str]
    log: Log
    ledger: Ledger
    list_id: UUID | None = None
    balances_before: dict[UUID, Decimal] = field(default_factory=dict)
    silenced: set[UUID] = field(default_factory=set)
    planted: set[str] = field(default_factory=set)
    """The ids of records that the rig itself has put into the log."""
    earlier: set[str] = field(default_factory=set)
    """The ids of events that were committed before the witness was there. Markers are published from the start on."""

    async def remember_earlier(self) -> None:
        """Remember the events that the witness has not seen. Call it when the witness has just been installed."""
        # An event that has left its outbox is in the log, so the outboxes are read first.
        for service in self.dsns:
            for lane in self.lanes(service):
                self.earlier |= {str(row[0]) for row in await self.rows(service, f"SELECT event_id FROM outbox_{lane}")}
        self.earlier |= {record.event_id for record in await self.log.records()}

    def lanes(self, service: str) -> Sequence[str]:
        """Return the lanes on which the service has an outbox."""
        return ("events", "bulk", "agencies") if service == "assignment" else ("events", "bulk")

    async def rows(self, service: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsns[service], timeout=10, command_timeout=60)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close(timeout=10)

    async def balances(self) -> dict[UUID, Decimal]:
        rows = await self.rows("portfolio", _BALANCES, list(self.balances_before))
        return {row["contract_id"]: row["total_balance"] for row in rows}

    async def fingerprints(self) -> dict[str, str]:
        """Return a hash of the rows for each table of each service. Equal hashes mean equal rows."""
        found = {}
        for service in self.dsns:
            for row in await self.rows(service, _TABLES, _IGNORED_TABLES):
                table = row["table_name"]
                [(found[f"{service}.{table}"],)] = await self.rows(service, _FINGERPRINT.format(table))
        return found
