"""Portfolios: the state, business date and names that a service keeps.

Each service has a table ``portfolio`` of its own: ``portfolio_id``, ``version``, and the columns that it needs.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from recobro_events import Transaction
from recobro_events.contracts.base import Part
from recobro_events.contracts.portfolio import PortfolioStateChanged

from projections.columns import Column, arrays, columns


def _json_of(part: Part | None) -> Any:
    return None if part is None else part.model_dump(mode="json")


_PORTFOLIO: Mapping[str, Column[PortfolioStateChanged]] = MappingProxyType(
    {
        "state": Column("text", lambda event: event.state),
        "business_date": Column("date", lambda event: event.business_date),
        "name": Column("text", lambda event: event.name),
        "creditor_id": Column("uuid", lambda event: event.creditor_id),
        "company": Column("text", lambda event: event.creditor_name or event.name),
        "creditor_kind": Column("text", lambda event: event.creditor_kind),
        "jurisdiction": Column("text", lambda event: event.jurisdiction),
        "timezone": Column("text", lambda event: event.timezone),
        "currency": Column("text", lambda event: event.currency),
        "letterhead": Column("jsonb", lambda event: event.letterhead and event.letterhead.model_dump(mode="json")),
        "payment_holdoff_days": Column("smallint", lambda event: event.payment_holdoff_days),
        "posting_lag_days": Column("smallint", lambda event: event.posting_lag_days),
        "promise_limits": Column("jsonb", lambda event: _json_of(event.promise_limits)),
    }
)


class Portfolios:
    """Keeps the portfolio columns that a service names. ``company`` is the creditor's name, else the portfolio's."""

    def __init__(self, *names: str) -> None:
        kept = [_PORTFOLIO[name] for name in names]
        self._read = [column.read for column in kept]
        self._keep = f"""
INSERT INTO portfolio AS known (portfolio_id, version, {", ".join(names)})
SELECT * FROM unnest({arrays(["uuid", "bigint", *(column.type for column in kept)])})
    AS fact (portfolio_id) ORDER BY portfolio_id
ON CONFLICT (portfolio_id) DO UPDATE SET
    version = excluded.version, {", ".join(f"{name} = excluded.{name}" for name in names)}
WHERE known.version < excluded.version
"""

    async def keep(self, tx: Transaction, events: Sequence[PortfolioStateChanged]) -> None:
        """Keep states that are newer than the known ones. An unknown portfolio gets a row."""
        rows = ((event.portfolio_id, event.version, *(read(event) for read in self._read)) for event in events)
        await tx.execute(self._keep, *columns(rows, 2 + len(self._read)))
