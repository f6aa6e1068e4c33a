"""Publishes changes of parties, and carries the marks of their numbers to the other contracts that have them."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from recobro_events import Transaction, cut_into_waves
from recobro_events.contracts.portfolio import Party, PartyChange, PartyChanged, StageCause

from portfolio.debtors import party_queries as queries
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line


class ChangeOfParty(NamedTuple):
    """A change of a party. In a consumer ``received`` is the id of the event that reported it."""

    contract_id: UUID
    party_id: UUID
    change: PartyChange
    data: Mapping[str, Any]
    received: UUID | None = None


async def record(tx: Transaction, changes: Sequence[ChangeOfParty]) -> None:
    """Publish these changes of parties, as they are now. The contracts are locked."""
    for wave in cut_into_waves(changes, key=lambda change: str(change.contract_id)):
        rows = await tx.fetch(queries.PARTIES, [change.party_id for change in wave])
        parties = {row["party_id"]: Party.model_validate(row["party"]) for row in rows}
        positions = await record_each(
            tx,
            StageCause.CATCH_UP,
            [
                Change(
                    partial(_event, parties[one.party_id], one.change),
                    _line(one, parties[one.party_id]),
                    one.received,
                )
                for one in wave
            ],
        )
        versions = [positions[change.contract_id]["version"] for change in wave]
        await tx.execute(queries.SET_VERSIONS, [change.party_id for change in wave], versions)


def _event(party: Party, change: PartyChange, fields: Mapping[str, Any]) -> PartyChanged:
    version = fields["version"]
    points = tuple(point.model_copy(update={"version": version}) for point in party.contact_points)
    changed = party.model_copy(update={"version": version, "contact_points": points})
    return PartyChanged(**fields, change=change, party=changed)


def _line(change: ChangeOfParty, party: Party) -> Line:
    data = {"party_id": party.party_id, "role": party.role, "change": change.change, **change.data}
    summary = f"{party.role.replace('_', ' ')} {change.change.replace('_', ' ')}"
    return Line(change.contract_id, "party_changed", summary, data)


async def lock_numbers(tx: Transaction, contact_ids: Collection[UUID]) -> set[UUID]:
    """Lock the numbers of parties that these contact points are, before any row. The debtors' own lock nothing.

    Returns the other contracts whose parties have them: the marks of a number hold there too.
    """
    if not contact_ids:
        return set()
    await tx.execute(queries.LOCK_NUMBERS, list(contact_ids))
    return {row["contract_id"] for row in await tx.fetch(queries.SAME_NUMBERS, list(contact_ids))}
