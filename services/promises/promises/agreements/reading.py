"""Plans as the API shows them, each with the state of its instalments."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from chassis import NotFound, OutputModel, Principal, Reader
from recobro_events import Money, Row
from recobro_events.contracts.promises import AgreementKind, MadeIn, PromiseState

from promises.agreements import queries
from promises.outcomes.plans import AgreementState


class AgreementUnknown(NotFound):
    code = "agreement-unknown"
    detail = "There is no agreement with this id."


class Instalment(OutputModel):
    """One promise of the plan, in its current state."""

    promise_id: UUID
    due_on: date
    amount: Money
    paid: Money
    state: PromiseState


class Agreement(OutputModel):
    """``settles_in_full``: ``total`` was the contract's total balance when the plan was reached."""

    agreement_id: UUID
    contract_id: UUID
    agency_id: UUID | None
    kind: AgreementKind
    state: AgreementState
    version: int
    total: Money
    currency: str
    settles_in_full: bool
    made_on: date
    made_in: MadeIn
    instalments: tuple[Instalment, ...]
    cancellation_reason: str | None
    created_at: datetime


async def shown(reader: Reader, rows: Sequence[Row]) -> list[Agreement]:
    """Return the plans of these rows."""
    parts = await reader.fetch(queries.INSTALMENTS, [row["agreement_id"] for row in rows])
    by_agreement = {
        agreement_id: tuple(Instalment(**part) for part in group)
        for agreement_id, group in groupby(parts, key=lambda part: part["agreement_id"])
    }
    return [Agreement(**row, instalments=by_agreement[row["agreement_id"]]) for row in rows]


async def read(reader: Reader, agreement_id: UUID, who: Principal) -> Agreement:
    """Return the plan. ``AgreementUnknown`` when there is none, or it is another agency's."""
    row = await reader.fetchrow(queries.AGREEMENT, agreement_id, who.agency_id)
    if row is None:
        raise AgreementUnknown()
    [agreement] = await shown(reader, [row])
    return agreement
