"""What is inconvenient for a person: hours, days, media and places. It binds for every contract of the person.

A statement is kept with every customer who is the person when it is made. So it reaches those who are linked later, and
stays with each who is unlinked.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from chassis import Conflict, NotFound, OutputModel, Reader, ShortText
from chassis.inconvenient import PARTS, Inconvenient
from chassis.models import InputModel
from recobro_events import Row, Transaction, cut_into_waves
from recobro_events.contracts import dialer_feed, promises
from recobro_events.contracts.portfolio import Convenience, ConvenienceChanged, StageCause

from portfolio.debtors import queries as debtor_queries
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contracts
from portfolio.people import convenience_queries as queries
from portfolio.people import finding

MOST_OF_PERSON = 20
"""The most statements of one person that hold at once. A further one needs an older one to be removed."""


class NewConvenience(Inconvenient):
    """What the person calls inconvenient. ``reason`` is for colleagues: who said it, when and why."""

    reason: ShortText


class KeptConvenience(OutputModel):
    """What the person calls inconvenient. Each of the four binds by itself.

    ``stated_by`` is the dialer that reported it; null: an operator has entered it (``actor``). An agency sees neither,
    and no ``reason``.
    """

    convenience_id: UUID
    not_hours: tuple[str, ...]
    not_days: tuple[str, ...]
    not_media: tuple[str, ...]
    not_places: tuple[str, ...]
    reason: str | None
    stated_by: str | None
    stated_at: datetime
    actor: ActorOfChange


class RemovedConvenience(KeptConvenience):
    """A statement that holds no longer."""

    removed_at: datetime
    removed_because: str
    removed_by: ActorOfChange


class Conveniences(OutputModel):
    """What the person calls inconvenient now, and the last 50 statements that hold no longer."""

    person_id: UUID
    items: list[KeptConvenience]
    removed: list[RemovedConvenience]


class ConvenienceRemoval(InputModel):
    reason: ShortText


class ConvenienceUnknown(NotFound):
    code = "convenience-unknown"
    detail = "The person has said no such thing, or it was removed."


class TooManyConveniences(Conflict):
    code = "too-many-conveniences"
    detail = f"{MOST_OF_PERSON} statements of this person hold. Remove one first."


class Stated(NamedTuple):
    """What a debtor has said, on a contract. In a consumer ``received`` is the id of the event that reported it."""

    contract_id: UUID
    inconvenient: Inconvenient
    reason: str
    stated_by: str | None = None
    received: UUID | None = None


def reported(
    event: dialer_feed.ConvenienceRequested | promises.ConvenienceRequested,
    received: UUID | None = None,
    reason: str = "said on a call",
) -> Stated:
    """What a dialer reports that a debtor has said on a call, or what a debtor states on the debtor's page."""
    said = {part: getattr(event, part) for part in PARTS}
    return Stated(event.contract_id, Inconvenient(**said), reason, event.reported_by, received)


async def read(reader: Reader, any_id: UUID) -> Conveniences:
    """Return what the person calls inconvenient. Raises ``PersonUnknown``."""
    person_id = await finding.person_of(reader, any_id)
    rows = [KeptConvenience.model_validate(one) for one in await reader.fetchval(queries.OF_PERSON, person_id)]
    removed = await reader.fetch(queries.REMOVED, person_id)
    return Conveniences(person_id=person_id, items=rows, removed=[RemovedConvenience(**dict(row)) for row in removed])


async def add(tx: Transaction, any_id: UUID, new: NewConvenience) -> Conveniences:
    """Keep what the person says. Raises ``PersonUnknown`` and ``TooManyConveniences``."""
    debtor_ids = await _locked(tx, any_id)
    await _add(tx, debtor_ids, new, new.reason)
    return await read(tx, any_id)


async def add_reported(tx: Transaction, reports: Sequence[Stated]) -> None:
    """Keep what debtors have said on calls. The rows of the people and of all their contracts are locked.

    What holds already is not kept twice, and of too many statements the oldest one gives way.
    """
    rows = await tx.fetch(debtor_queries.DEBTORS, [report.contract_id for report in reports])
    person_of = {row["contract_id"]: row["person"] for row in rows}
    for wave in cut_into_waves(reports, key=lambda report: person_of[report.contract_id]):
        for report in wave:
            members = await tx.fetch(queries.MEMBERS, person_of[report.contract_id])
            debtor_ids = [row["debtor_id"] for row in members]
            if await tx.fetchval(queries.IS_KNOWN, debtor_ids, *_parts(report.inconvenient)):
                continue
            await tx.execute(queries.MAKE_ROOM, debtor_ids, MOST_OF_PERSON - 1)
            await _add(tx, debtor_ids, report.inconvenient, report.reason, report.stated_by, report.received)


async def remove(tx: Transaction, any_id: UUID, convenience_id: UUID, removal: ConvenienceRemoval) -> Conveniences:
    """End a statement, for all who were the person when it was made. Raises ``ConvenienceUnknown``."""
    debtor_ids = await _locked(tx, any_id)
    named = await tx.fetchval(queries.DEBTORS_OF, convenience_id, debtor_ids)
    if not named:
        raise ConvenienceUnknown()
    # A customer who was unlinked since is another person, and is locked with the others.
    await lock_contracts(tx, (), with_people=[*debtor_ids, *named])
    row = await tx.fetchrow(queries.REMOVE, convenience_id, removal.reason)
    if row is None:
        raise ConvenienceUnknown()
    await _publish(tx, named, "convenience_removed", row, removal.reason)
    return await read(tx, any_id)


async def spread(tx: Transaction, debtor_ids: Collection[UUID]) -> None:
    """After debtors were linked or unlinked, publish what holds for their people now, if there are statements.

    The rows of the people and of all their contracts are locked.
    """
    if touched := [row["debtor_id"] for row in await tx.fetch(queries.TOUCHED, list(debtor_ids))]:
        await _publish(tx, touched, "", None, "")


async def _locked(tx: Transaction, any_id: UUID) -> list[UUID]:
    """Lock the person. Returns all customers who are this person."""
    await finding.person_of(tx, any_id)
    await lock_contracts(tx, (), with_people=[any_id])
    person_id = await finding.person_of(tx, any_id)
    debtor_ids = [row["debtor_id"] for row in await tx.fetch(queries.MEMBERS, person_id)]
    if not debtor_ids:
        raise finding.PersonUnknown()
    return debtor_ids


def _parts(inconvenient: Inconvenient) -> list[Sequence[str]]:
    return [sorted(set(getattr(inconvenient, part))) for part in PARTS]


async def _add(
    tx: Transaction,
    debtor_ids: Sequence[UUID],
    inconvenient: Inconvenient,
    reason: str,
    stated_by: str | None = None,
    received: UUID | None = None,
) -> None:
    values = (*_parts(inconvenient), reason, stated_by)
    row = await tx.fetchrow(queries.ADD, debtor_ids, MOST_OF_PERSON, *values)
    if row is None:
        raise TooManyConveniences()
    await _publish(tx, debtor_ids, "convenience_stated", row, reason, received)


async def _publish(
    tx: Transaction, debtor_ids: Sequence[UUID], kind: str, row: Row | None, reason: str, received: UUID | None = None
) -> None:
    """Publish what holds now for all contracts of these debtors' people, with a line of history if there is a kind."""
    changes = []
    for held in await tx.fetch(queries.HELD, list(debtor_ids)):
        conveniences = tuple(Convenience.model_validate(one) for one in held["conveniences"])
        line = _line(held["contract_id"], kind, row, reason)
        changes.append(Change(partial(_event, conveniences), line, received))
    await record_each(tx, StageCause.CATCH_UP, changes)


def _event(conveniences: tuple[Convenience, ...], fields: dict[str, Any]) -> ConvenienceChanged:
    return ConvenienceChanged(**fields, conveniences=conveniences)


def _line(contract_id: UUID, kind: str, row: Row | None, reason: str) -> Line:
    if row is None:
        return Line(contract_id, "convenience_spread", "what the person calls inconvenient holds anew", {})
    said = {part: list(row[part]) for part in PARTS if row[part]}
    summary = "; ".join(f"{part.replace('_', ' ')} {' '.join(values)}" for part, values in said.items())
    data = {"convenience_id": row["convenience_id"], "inconvenient": said, "reason": reason}
    return Line(contract_id, kind, summary, data)
