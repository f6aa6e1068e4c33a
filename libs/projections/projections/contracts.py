"""Contracts: a row for each known contract, the order in which rows are locked, and the groups of their columns.

Each service has a table ``contract`` of its own, with the columns that the service needs: ``contract_id``, then
``version`` with a position, ``details_version`` with details, ``status_seen_version`` with the debtor's ``status``.
Versions begin at -1.

A status belongs to a person, and a file may give the contract to another one. So a status is as new as the version of
the contract that stated it; versions of two people's statuses do not compare. A change of status has an event,
and so a version, of its own for every contract of the person.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from recobro_events import Transaction, sorted_unique
from recobro_events.contracts.portfolio import (
    ContractEscalated,
    ContractSegmentChanged,
    ContractWhole,
    ConvenienceChanged,
    DebtorErased,
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


def _version(event: PositionEvent) -> int:
    return event.version


def _details_version(event: ContractWhole) -> int:
    return event.details_version


@dataclass(frozen=True)
class _Group:
    """Columns that are stored together, where the fact's version of them is newer than the known one.

    ``version`` is the column of the known version, ``stated`` reads the fact's. With ``again`` a fact of the known
    version is stored too, and with ``fills`` it is while this column is null: a later release has added the column.
    """

    version: str
    stated: Callable[[Any], int]
    columns: Mapping[str, Column[Any]]
    again: bool = False
    fills: str | None = None

    @property
    def is_newer(self) -> str:
        newer = f"contract.{self.version} {'<=' if self.again else '<'} fact.{self.version}"
        if self.fills is None:
            return newer
        return f"({newer} OR (contract.{self.version} = fact.{self.version} AND contract.{self.fills} IS NULL))"

    @property
    def facts(self) -> dict[str, str]:
        """SQL: the fact's value of each column."""
        return {
            name: f"fact.{name}::{column.type}" if column.sent_as else f"fact.{name}"
            for name, column in self.columns.items()
        }

    @property
    def readers(self) -> Sequence[Callable[[Any], Any]]:
        """What reads the version and each column of an event."""
        return self.stated, *(column.read for column in self.columns.values())


def _newest(groups: Sequence[_Group]) -> str:
    """SQL that updates each group of columns of each contract, where the group's version is newer.

    The SQL's parameters are arrays: the ids of the contracts, then the version and the columns of each group.
    """
    types = {"contract_id": "uuid"}
    values: dict[str, str] = {}
    for group in groups:
        types |= {group.version: "bigint"} | {
            name: column.sent_as or column.type for name, column in group.columns.items()
        }
        if len(groups) == 1:
            values |= {group.version: f"fact.{group.version}"} | group.facts
        else:
            values[group.version] = f"greatest(contract.{group.version}, fact.{group.version})"
            for name, fact in group.facts.items():
                values[name] = f"CASE WHEN {group.is_newer} THEN {fact} ELSE contract.{name} END"
    return f"""
UPDATE contract SET {", ".join(f"{name} = {value}" for name, value in values.items())}
FROM unnest({arrays(types.values())}) AS fact ({", ".join(types)})
WHERE contract.contract_id = fact.contract_id AND ({" OR ".join(group.is_newer for group in groups)})
"""


class _Keeper:
    """Keeps groups of columns of contracts, all by one statement. No contract may occur twice in a list of events."""

    def __init__(self, *groups: _Group) -> None:
        self.groups = groups
        self._sql = _newest(groups)
        self._readers = [read for group in groups for read in group.readers]

    async def keep(self, tx: Transaction, events: Sequence[Any]) -> None:
        """Keep these columns where the event's are newer than the known ones."""
        # Column by column: to build the rows first would take twice as long.
        facts = ([read(event) for event in events] for read in self._readers)
        await tx.execute(self._sql, [event.contract_id for event in events], *facts)


NEXT_CHANGE = """
-- The day from which the position is another one although nothing else happens. Null: never, or not known.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS next_change_on date;
"""


COMPONENTS = """
-- What is unpaid of each part of the balance, as the event states it. Null: the creditor has stated no parts.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS components jsonb;
"""


TOTAL = """
-- The whole unpaid amount. Null: published by an earlier release.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS total_balance numeric;
"""
"""Adds the total balance, for services that began without it. A contract that is published again fills it."""


PEOPLE = """
-- Null: the debtor is linked to nobody, or an earlier release published the contract.
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


def _segment(event: ContractWhole | ContractSegmentChanged) -> str | None:
    return event.segment if isinstance(event, ContractWhole) else event.to_segment


_SEGMENTS = _Keeper(_Group("segment_version", _version, {"segment": Column("text", _segment)}))

_FIGURES = _Keeper(
    _Group(
        "figures_version",
        _version,
        {
            "undecided": Column("boolean", lambda event: event.undecided),
            "payment_silent_until": Column("date", lambda event: event.payment_silent_until),
        },
    )
)

STEPS = """
-- The step of the ladder, and the contract's version at which it was last stated.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS step text,
    ADD COLUMN IF NOT EXISTS step_version bigint NOT NULL DEFAULT -1;
"""
"""Adds the step, for services whose rules or campaigns ask for it."""


def _step(event: ContractWhole | ContractEscalated) -> str | None:
    return event.step if isinstance(event, ContractWhole) else event.to_step


def _allows(event: ContractWhole | ContractEscalated) -> str | None:
    return None if event.allows is None else event.allows.model_dump_json(exclude_none=True)


_STEP: Mapping[str, Column[Any]] = MappingProxyType({"step": Column("text", _step)})
_STEPS = _Keeper(_Group("step_version", _version, _STEP))
_STEPS_THAT_ALLOW = _Keeper(
    _Group("step_version", _version, {**_STEP, "allows": Column("jsonb", _allows, sent_as="text")})
)


def _conveniences(event: ContractWhole | ConvenienceChanged) -> str | None:
    if event.conveniences is None:
        return None
    return json.dumps([one.model_dump(mode="json") for one in event.conveniences])


def _conveniences_version(event: ContractWhole | ConvenienceChanged) -> int:
    """An event of an earlier release does not say it, and is older than whatever is known."""
    return -2 if event.conveniences is None else event.version


_CONVENIENCES = _Keeper(
    _Group(
        "conveniences_version",
        _conveniences_version,
        {"conveniences": Column("jsonb", _conveniences, sent_as="text")},
        again=True,
    )
)

STATUS_SEEN = """
-- The contract's version at which the debtor's status was last stated.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS status_seen_version bigint NOT NULL DEFAULT -1;
UPDATE contract SET status_seen_version = version WHERE status_version >= 0;
"""
"""Replaces the version of the debtor's status, which says nothing once the contract is another debtor's."""


def _status(event: ContractWhole | DebtorStatusChanged) -> str:
    return event.debtor.status if isinstance(event, ContractWhole) else event.status


# Events of one version state one status. So a republished contract corrects a wrong one.
_STATUSES = _Keeper(_Group("status_seen_version", _version, {"status": Column("text", _status)}, again=True))


def erase_details(**values: str) -> str:
    """SQL that erases these details of contracts. An older whole contract does not bring them back.

    Its parameters are those of ``erasures``.
    """
    return f"""
UPDATE contract SET {", ".join(f"{name} = {value}" for name, value in values.items())},
    details_version = greatest(contract.details_version, erased.details_version)
FROM unnest($1::uuid[], $2::bigint[]) AS erased (contract_id, details_version)
WHERE contract.contract_id = erased.contract_id
"""


def erasures(events: Sequence[ContractWhole | DebtorErased]) -> list[Sequence[Any]]:
    """The contracts that were erased, each with a version that is newer than all details before the erasure.

    The details after it are newer still, so a service that is rebuilt takes them.
    """
    return columns(((event.contract_id, event.details_version - 1) for event in events), 2)


def erased(wholes: Sequence[ContractWhole]) -> list[ContractWhole]:
    """Those of these contracts whose personal data were erased. A service may have missed the erasure."""
    return [whole for whole in wholes if whole.debtor.erased]


async def lock_or_add(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """Lock these contracts as ``lock`` does. A contract that has no row gets one."""
    await tx.execute(_LOCK_OR_ADD, sorted_unique(contract_ids))


async def lock(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """Lock these contracts in the order of their ids. A change of a contract, or an event about it, needs this lock."""
    await tx.execute(LOCK, sorted_unique(contract_ids))


class Positions(_Keeper):
    """Keeps state, stage, balances and dates of contracts: the columns of a position that a service names."""

    def __init__(self, *names: str) -> None:
        fills = "total_balance" if "total_balance" in names else None
        super().__init__(_Group("version", _version, {name: _POSITION[name] for name in names}, fills=fills))

    async def keep(self, tx: Transaction, events: Sequence[PositionEvent]) -> None:
        """Keep positions that are newer than the known ones."""
        await super().keep(tx, events)


class Details(_Keeper):
    """Keeps debtor, portfolio, number and more of whole contracts: the columns that a service names."""

    def __init__(self, *names: str, **own: Column[ContractWhole]) -> None:
        """``own`` are columns that the service computes from the event itself."""
        stated = {name: _DETAILS[name] for name in names} | own
        fills = "product" if "product" in names else None
        super().__init__(_Group("details_version", _details_version, stated, fills=fills))


class Wholes(_Keeper):
    """Keeps the columns that a whole contract states: position, details, the debtor's status, and what is asked for."""

    def __init__(
        self,
        positions: Positions,
        details: Details,
        *,
        figures: bool = False,
        segments: bool = False,
        steps: bool = False,
        allows: bool = False,
        conveniences: bool = False,
    ) -> None:
        """``figures``: whether a person decides which figures hold, and the days without contact because of files.

        ``allows``: the step with what it allows, instead of the step alone.
        """
        wanted = (
            *((_FIGURES, figures), (_SEGMENTS, segments), (_STEPS, steps), (_STEPS_THAT_ALLOW, allows)),
            (_CONVENIENCES, conveniences),
        )
        asked = [keeper for keeper, is_wanted in wanted if is_wanted]
        keepers = (positions, details, _STATUSES, *asked)
        super().__init__(*(group for keeper in keepers for group in keeper.groups))

    async def keep(self, tx: Transaction, events: Sequence[ContractWhole]) -> None:
        """Keep each group of columns where it is newer than the known one."""
        await super().keep(tx, events)


async def keep_statuses(tx: Transaction, events: Sequence[ContractWhole | DebtorStatusChanged]) -> None:
    """Keep the debtor's status where it is not older than the known one."""
    await _STATUSES.keep(tx, events)


async def keep_segments(tx: Transaction, events: Sequence[ContractSegmentChanged]) -> None:
    """Keep the segment where it is newer than the known one."""
    await _SEGMENTS.keep(tx, events)


async def keep_steps(tx: Transaction, events: Sequence[ContractEscalated], *, allows: bool = False) -> None:
    """Keep the step of the ladder where it is newer than the known one; if the service keeps it, what it allows too."""
    await (_STEPS_THAT_ALLOW if allows else _STEPS).keep(tx, events)


async def keep_conveniences(tx: Transaction, events: Sequence[ConvenienceChanged]) -> None:
    """Keep what the person calls inconvenient where it is not older than the known."""
    await _CONVENIENCES.keep(tx, events)
