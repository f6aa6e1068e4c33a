"""Contracts: a row for each known contract, the order in which rows are locked, and the groups of their columns.

Each service has a table ``contract`` of its own, with the columns that the service needs: ``contract_id``, then
``version`` with a position, ``details_version`` with details, ``status_seen_version`` with the debtor's ``status``.
Versions begin at -1.

A status belongs to a person, and a file may give the contract to another one. So a status is as new as the version of
the contract that stated it; versions of two people's statuses do not compare. A change of status has an event,
and so a version, of its own for every contract of the person.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from recobro_events import Transaction, sorted_unique
from recobro_events.contracts.portfolio import (
    ContractEscalated,
    ContractSegmentChanged,
    ContractWhole,
    DebtorStatusChanged,
    PositionEvent,
)

from projections.columns import Column, arrays, columns

# PostgreSQL locks a row that is there before it evaluates the condition. To set the key takes the lock of FOR UPDATE.
_LOCK_OR_ADD = """
INSERT INTO contract AS known (contract_id)
SELECT contract_id FROM unnest($1::uuid[]) AS contract_id ORDER BY contract_id
ON CONFLICT (contract_id) DO UPDATE SET contract_id = known.contract_id WHERE false
"""
LOCK = "SELECT FROM contract WHERE contract_id = ANY ($1::uuid[]) ORDER BY contract_id FOR UPDATE"

_POSITION: Mapping[str, Column[PositionEvent]] = MappingProxyType(
    {
        "as_of": Column("date", lambda event: event.as_of),
        "state": Column("text", lambda event: event.state),
        "stage": Column("text", lambda event: event.stage),
        "days_past_due": Column("integer", lambda event: event.days_past_due),
        "overdue_balance": Column("numeric", lambda event: event.overdue_balance),
        "total_balance": Column("numeric", lambda event: event.total_balance),
        "oldest_due_on": Column("date", lambda event: event.oldest_due_on),
        "episode": Column("integer", lambda event: event.episode),
        "next_change_on": Column("date", lambda event: event.next_change_on),
        "components": Column("jsonb", lambda event: event.components and event.components.model_dump(mode="json")),
    }
)
_DETAILS: Mapping[str, Column[ContractWhole]] = MappingProxyType(
    {
        "portfolio_id": Column("uuid", lambda event: event.portfolio_id),
        "debtor_id": Column("uuid", lambda event: event.debtor.debtor_id),
        "person_id": Column("uuid", lambda event: event.debtor.person_id),
        "contract_number": Column("text", lambda event: event.contract_number),
        "name": Column("text", lambda event: event.debtor.name),
        "jurisdiction": Column("text", lambda event: event.jurisdiction),
        "currency": Column("text", lambda event: event.currency),
        "product": Column("text", lambda event: event.product),
    }
)


def _newest(version: str, types: Mapping[str, str]) -> str:
    """SQL that updates these columns of each contract whose version ``version`` is lower than the fact's.

    The SQL's parameters are arrays: the ids of the contracts, the versions, then the columns in their order.
    """
    return f"""
UPDATE contract SET {version} = fact.version, {", ".join(f"{name} = fact.{name}" for name in types)}
FROM unnest({arrays(["uuid", "bigint", *types.values()])}) AS fact (contract_id, version, {", ".join(types)})
WHERE contract.contract_id = fact.contract_id AND contract.{version} < fact.version
"""


NEXT_CHANGE = """
-- The day from which the position is another one although nothing else happens. Null: never, or not known.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS next_change_on date;
"""


COMPONENTS = """
-- What is unpaid of each part of the balance, as the event states it. Null: the creditor has stated no parts.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS components jsonb;
"""


PEOPLE = """
-- Null: the debtor is linked to nobody, or was told by an earlier release.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS person_id uuid;
CREATE INDEX IF NOT EXISTS contract_person ON contract ((coalesce(person_id, debtor_id)));
"""
"""Adds the person to whom the debtor is linked, for services that keep ``debtor_id``."""


def person(contract: str = "contract") -> str:
    """SQL: the person of this contract. A debtor who is linked to nobody is a person alone."""
    return f"coalesce({contract}.person_id, {contract}.debtor_id)"


SEGMENTS = """
-- The contract's version at which its segment was last stated.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS segment text,
    ADD COLUMN IF NOT EXISTS segment_version bigint NOT NULL DEFAULT -1;
"""
"""Adds the segment, for services whose rules or campaigns ask for it."""
_SEGMENTS = _newest("segment_version", {"segment": "text"})

STEPS = """
-- The step of the ladder, and the contract's version at which it was last stated.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS step text,
    ADD COLUMN IF NOT EXISTS step_version bigint NOT NULL DEFAULT -1;
"""
"""Adds the step, for services whose rules or campaigns ask for it."""
_STEPS = _newest("step_version", {"step": "text"})

STATUS_SEEN = """
-- The contract's version at which the debtor's status was last stated.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS status_seen_version bigint NOT NULL DEFAULT -1;
UPDATE contract SET status_seen_version = version WHERE status_version >= 0;
"""
"""Replaces the version of the debtor's status, which says nothing once the contract is another debtor's."""
# Events of one version tell one status. A contract that is published again therefore mends what was wrong.
_STATUSES = """
UPDATE contract SET status_seen_version = fact.version, status = fact.status
FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS fact (contract_id, version, status)
WHERE contract.contract_id = fact.contract_id AND contract.status_seen_version <= fact.version
"""


async def lock_or_add(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """Lock these contracts as ``lock`` does. A contract that has no row gets one."""
    await tx.execute(_LOCK_OR_ADD, sorted_unique(contract_ids))


async def lock(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """Lock these contracts in the order of their ids. A change of a contract, or an event about it, needs this lock."""
    await tx.execute(LOCK, sorted_unique(contract_ids))


class Positions:
    """Keeps state, stage, balances and dates of contracts: the columns of a position that a service names."""

    def __init__(self, *names: str) -> None:
        kept = [(name, _POSITION[name]) for name in names]
        self._read = [column.read for _, column in kept]
        self._keep = _newest("version", {name: column.type for name, column in kept})

    async def keep(self, tx: Transaction, events: Sequence[PositionEvent]) -> None:
        """Keep positions that are newer than the known ones."""
        rows = ((event.contract_id, event.version, *(read(event) for read in self._read)) for event in events)
        await tx.execute(self._keep, *columns(rows, 2 + len(self._read)))


class Details:
    """Keeps debtor, portfolio, number and more of whole contracts: the columns that a service names."""

    def __init__(self, *names: str, **own: Column[ContractWhole]) -> None:
        """``own`` are columns that the service computes from the event itself."""
        kept = [*((name, _DETAILS[name]) for name in names), *own.items()]
        self._read = [column.read for _, column in kept]
        self._keep = _newest("details_version", {name: column.type for name, column in kept})

    async def keep(self, tx: Transaction, events: Sequence[ContractWhole]) -> None:
        """Keep details that are newer than the known ones."""
        rows = ((event.contract_id, event.details_version, *(read(event) for read in self._read)) for event in events)
        await tx.execute(self._keep, *columns(rows, 2 + len(self._read)))


async def keep_statuses(tx: Transaction, events: Sequence[DebtorStatusChanged]) -> None:
    """Keep the debtor's status where it is not older than the known one."""
    rows = ((event.contract_id, event.version, event.status) for event in events)
    await tx.execute(_STATUSES, *columns(rows, 3))


async def keep_statuses_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the debtor's status that whole contracts carry, where it is not older than the known one."""
    rows = ((event.contract_id, event.version, event.debtor.status) for event in events)
    await tx.execute(_STATUSES, *columns(rows, 3))


async def keep_segments(tx: Transaction, events: Sequence[ContractWhole | ContractSegmentChanged]) -> None:
    """Keep the segment where it is newer than the known one."""
    rows = (
        (event.contract_id, event.version, event.segment if isinstance(event, ContractWhole) else event.to_segment)
        for event in events
    )
    await tx.execute(_SEGMENTS, *columns(rows, 3))


async def keep_steps(tx: Transaction, events: Sequence[ContractWhole | ContractEscalated]) -> None:
    """Keep the step of the ladder where it is newer than the known one."""
    rows = (
        (event.contract_id, event.version, event.step if isinstance(event, ContractWhole) else event.to_step)
        for event in events
    )
    await tx.execute(_STEPS, *columns(rows, 3))
