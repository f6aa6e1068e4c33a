"""Erases a person: name, tax id, phones, e-mails, addresses, parties and texts, here and in every service.

Amounts, payments and what happened stay, without words that people wrote. A contract whose data are erased takes no
personal data any more; a file's rows of it are rejected. Opt-outs hold on by the hashes of the phones and e-mails.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import jurisdictions
from chassis import Conflict, Forbidden, InputModel, OutputModel, Page, PageQuery, Principal, Reader, ShortText, page
from chassis.second_person import roles_of
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractState, DebtorErased, StageCause

from portfolio import metrics
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contracts
from portfolio.people import erasing_queries as queries
from portfolio.people.finding import PersonUnknown, person_of

ROLE = "supervisor"
"""The role of who may erase a person: it cannot be taken back."""


class NewErasure(InputModel):
    """``reason`` stands in the history and in the list of erasures, so it names nobody."""

    reason: ShortText


class Erasure(OutputModel):
    """A person was erased, with the data of these contracts."""

    erasure_id: UUID
    person_id: UUID
    creditor_id: UUID
    contract_ids: list[UUID]
    reason: str
    erased_at: datetime
    actor: ActorOfChange


class Erasability(OutputModel):
    """Whether the person may be erased now.

    It is not possible while a contract is open, and before ``kept_until``: until that day the jurisdiction asks for the
    records of the person. ``erased_at`` is null while the data of a contract are there.
    """

    person_id: UUID
    may_be_erased: bool
    open_contracts: list[UUID]
    kept_until: date | None
    erased_at: datetime | None


class ContractsOpen(Conflict):
    code = "contracts-open"
    detail = "A contract of this person is open. Its data are needed until it is closed."


class RecordsKept(Conflict):
    code = "records-kept"
    detail = "The jurisdiction asks for the records of this person until later."


class _Found(NamedTuple):
    contracts: Sequence[Row]
    open_contracts: list[UUID]
    kept_until: date | None

    @property
    def erased_at(self) -> datetime | None:
        moments = [row["erased_at"] for row in self.contracts]
        return None if None in moments else max(moments, default=None)


async def read(reader: Reader, any_id: UUID) -> Erasability:
    """Return whether the person may be erased. Raises ``PersonUnknown``."""
    person_id = await person_of(reader, any_id)
    found = await _find(reader, person_id)
    return Erasability(
        person_id=person_id,
        may_be_erased=not found.open_contracts and found.kept_until is None,
        open_contracts=found.open_contracts,
        kept_until=found.kept_until,
        erased_at=found.erased_at,
    )


async def erase(tx: Transaction, who: Principal, any_id: UUID, new: NewErasure) -> Erasure:
    """Erase the person. If the person was erased before, erase what was written since.

    Raises ``Forbidden`` without the role, ``PersonUnknown``, ``ContractsOpen`` and ``RecordsKept``.
    """
    if ROLE not in roles_of(who):
        raise Forbidden(f"The request needs the role {ROLE}.", code="missing-role")
    await person_of(tx, any_id)
    await lock_contracts(tx, [], with_people=[any_id])
    person_id = await person_of(tx, any_id)
    found = await _find(tx, person_id)
    if not found.contracts:
        raise PersonUnknown()
    if found.open_contracts:
        raise ContractsOpen(extra={"contract_ids": found.open_contracts})
    if found.kept_until is not None:
        raise RecordsKept(extra={"kept_until": found.kept_until})
    contract_ids = [row["contract_id"] for row in found.contracts]
    debtor_ids = list({row["debtor_id"] for row in found.contracts})
    erased = await _erase(tx, person_id, debtor_ids, contract_ids)
    line = partial(Line, kind="person_erased", summary="the personal data were erased", data={"reason": new.reason})
    changes = [Change(partial(_event, row), line(row["contract_id"])) for row in erased]
    await record_each(tx, StageCause.CATCH_UP, changes)
    creditor_id = found.contracts[0]["creditor_id"]
    row = await tx.fetchrow(queries.RECORD, person_id, creditor_id, debtor_ids, contract_ids, new.reason)
    assert row is not None
    tx.after_commit(metrics.ERASURES.inc)
    return Erasure(**dict(row))


async def _find(reader: Reader, person_id: UUID) -> _Found:
    rows = await reader.fetch(queries.CONTRACTS, person_id)
    kept = [until for row in rows if (until := _kept_until(row)) is not None and until > datetime.now(UTC).date()]
    open_ones = [row["contract_id"] for row in rows if row["state"] == ContractState.OPEN]
    return _Found(rows, open_ones, max(kept, default=None))


def _kept_until(contract: Row) -> date | None:
    """The day from which the jurisdiction lets the records of the contract go; None: it asks for none."""
    years, last_on = jurisdictions.profile(contract["jurisdiction"]).records_years.value, contract["last_on"]
    if years is None or last_on is None:
        return None
    day: date = last_on
    # Nothing of 29 February is kept into March.
    return day.replace(year=day.year + years, day=min(day.day, 28) if day.month == 2 else day.day)


async def _erase(
    tx: Transaction, person_id: UUID, debtor_ids: Sequence[UUID], contract_ids: Sequence[UUID]
) -> Sequence[Row]:
    await tx.execute(queries.MAKE_KEY)
    await tx.execute(queries.KEEP_OPT_OUTS, debtor_ids)
    await tx.execute(queries.ERASE_DEBTORS, debtor_ids)
    for statement in queries.OF_DEBTORS:
        await tx.execute(statement, debtor_ids)
    for statement in queries.OF_CONTRACTS:
        await tx.execute(statement, contract_ids)
    for statement in queries.TEXTS:
        await tx.execute(statement, contract_ids, queries.CODES)
    for statement in queries.OF_DESK:
        await tx.execute(statement, [person_id, *debtor_ids], contract_ids)
    return await tx.fetch(queries.ERASE_CONTRACTS, contract_ids)


def _event(contract: Row, fields: dict[str, Any]) -> DebtorErased:
    return DebtorErased(**fields, debtor_id=contract["debtor_id"], details_version=contract["details_version"])


async def listed(reader: Reader, query: PageQuery) -> Page[Any]:
    """Return a page of the erasures, in their order. They name nobody."""
    rows = await reader.fetch(queries.LISTED[query.order], query.after_number(), query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["sequence"],))
    items = [Erasure(**{name: item[name] for name in Erasure.model_fields}) for item in shown["items"]]
    return Page(items=items, next_cursor=shown["next_cursor"])
