"""Publishes to agencies who must not be contacted any more, and when contact may resume.

What silences a contract is compared with what was published to its agencies, whatever event it was and in whichever
order the events came. The contract's row is locked.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from projections.columns import columns
from recobro_events import ContractEvent, Lane, Row, Transaction
from recobro_events.contracts.portfolio import (
    ContactChange,
    ContactPoint,
    ContactPointChanged,
    ContractWhole,
    PartyChanged,
)
from recobro_events.tracing import current_traceparent

from assignment.agency_feed import silencing_queries as queries

ALL_MEDIA = "all"


async def keep_opt_outs(tx: Transaction, changes: Sequence[ContactPointChanged]) -> None:
    """Keep by which media the debtor refuses to be reached on these contact points."""
    rows = [(e.contract_id, e.contact_id, e.contact_version, _refused(e), True) for e in changes]
    await tx.execute(queries.KEEP_OPT_OUTS, *columns(rows, 5))


def _refused(change: ContactPointChanged) -> str | None:
    """The refused media, with commas. None where an event of an earlier release leaves them as they are."""
    if change.refused_media is not None:
        return ",".join(change.refused_media)
    if change.change is ContactChange.OPTED_OUT:
        return change.medium or ALL_MEDIA
    return "" if change.usable else None


async def keep_opt_outs_from_contracts(tx: Transaction, wholes: Sequence[ContractWhole]) -> None:
    """Keep the opt-outs that whole contracts list. A number that a contract no longer has stays opted out."""
    await _keep_refused(tx, [(e.contract_id, point) for e in wholes for point in _points_of(e)])


def _points_of(whole: ContractWhole) -> Iterable[ContactPoint]:
    yield from whole.contact_points
    for party in whole.parties or ():
        yield from party.contact_points


async def keep_opt_outs_of_parties(tx: Transaction, changes: Sequence[PartyChanged]) -> None:
    """Keep the opt-outs of these parties' numbers."""
    await _keep_refused(tx, [(e.contract_id, point) for e in changes for point in e.party.contact_points])


async def _keep_refused(tx: Transaction, points: Iterable[tuple[UUID, ContactPoint]]) -> None:
    rows = [
        (contract_id, point.contact_id, point.version, ",".join(point.refused_media), False)
        for contract_id, point in points
        if point.refused_media is not None
    ]
    if rows:
        await tx.execute(queries.KEEP_OPT_OUTS, *columns(rows, 5))


async def publish_silences(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Publish to the agencies of these contracts which silences have begun, changed or ended. Keep the facts before."""
    await tx.flush()
    traces = [tx.traces.get(event.event_id) for event in events]
    contract_ids = [event.contract_id for event in events]
    await tx.execute(queries.FORGET, contract_ids)
    arguments = (current_traceparent(), contract_ids, traces)
    if await tx.fetch(queries.PUBLISH, *arguments):
        tx.wrote_outbox(Lane.AGENCIES)


async def publish_silences_of_placed(tx: Transaction, placements: Sequence[tuple[UUID, date]]) -> None:
    """Publish to the agencies of new placements which silences are in force on the day of their beginning."""
    rows: Sequence[Row] = await tx.fetch(queries.SILENCE_PLACED, current_traceparent(), *zip(*placements, strict=True))
    if rows:
        tx.wrote_outbox(Lane.AGENCIES)
