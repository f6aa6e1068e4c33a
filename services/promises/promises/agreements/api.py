"""Plans over HTTP: a schedule of promises that stands and falls as one."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Annotated, Literal
from uuid import UUID

from chassis import (
    Amount,
    Conflict,
    CurrentPrincipal,
    Day,
    InputModel,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Principal,
    ReadConnection,
    Reader,
    Router,
    WriteTransaction,
    page,
    reads,
    writes,
)
from pydantic import AfterValidator, Field
from recobro_events import Money, Row, Transaction
from recobro_events.contracts.promises import AgreedInstalment, AgreementKind, AgreementReached, MadeIn, PromiseState

from promises.outcomes.judging import judge
from promises.outcomes.rules import MAX_INSTALMENTS, MIN_INSTALMENTS, NOTHING, AgreementState
from promises.taking import making, queries
from promises.taking.api import Cancellation

router = Router(prefix="/v1", tags=["agreements"])


class AgreementUnknown(NotFound):
    code = "agreement-unknown"
    detail = "There is no agreement with this id."


class PlanOpen(Conflict):
    code = "plan-open"
    detail = "This contract has an open plan already."


class AgreementEnded(Conflict):
    code = "agreement-not-open"
    detail = "Only an open plan can be called off."


class NewInstalment(InputModel):
    due_on: Day
    amount: Amount


def _several_rising(instalments: tuple[NewInstalment, ...]) -> tuple[NewInstalment, ...]:
    if len(instalments) < MIN_INSTALMENTS:
        raise ValueError(f"must be {MIN_INSTALMENTS} or more")
    if any(later.due_on <= earlier.due_on for earlier, later in pairwise(instalments)):
        raise ValueError("each must be due later than the one before it")
    return instalments


class NewAgreement(InputModel):
    """``made_in`` and ``agency_id`` as for a promise; left out, an agency's token made it in ``agency``, any other
    in ``call``."""

    contract_id: UUID
    kind: Literal[AgreementKind.PLAN]
    instalments: Annotated[
        tuple[NewInstalment, ...],
        # A minimum of its own would count a bad instalment as a missing one.
        Field(max_length=MAX_INSTALMENTS, json_schema_extra={"minItems": MIN_INSTALMENTS}),
        AfterValidator(_several_rising),
    ]
    made_in: MadeIn | None = None
    agency_id: UUID | None = None


class Instalment(OutputModel):
    """A promise of the plan, as it stands."""

    promise_id: UUID
    due_on: date
    amount: Money
    paid: Money
    state: PromiseState


class Agreement(OutputModel):
    """``settles_in_full``: ``total`` was all that was owed when it was reached."""

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


async def _shown(reader: Reader, rows: Sequence[Row]) -> list[Agreement]:
    parts = await queries.instalments(reader, [row["agreement_id"] for row in rows])
    by_agreement = {
        agreement_id: tuple(Instalment(**part) for part in group)
        for agreement_id, group in groupby(parts, key=lambda part: part["agreement_id"])
    }
    return [Agreement(**row, instalments=by_agreement[row["agreement_id"]]) for row in rows]


async def _find(reader: Reader, agreement_id: UUID, who: Principal) -> Agreement:
    row = await queries.agreement(reader, agreement_id, who.agency_id)
    if row is None:
        raise AgreementUnknown()
    [agreement] = await _shown(reader, [row])
    return agreement


@router.post("/agreements", status_code=201, dependencies=[writes("promises", agency=True)])
async def reach_agreement(new: NewAgreement, tx: WriteTransaction, who: CurrentPrincipal) -> Agreement:
    """Agree on a plan: 2 to 60 instalments, each a promise. A contract has at most one open plan."""
    made_in = new.made_in or (MadeIn.CALL if who.agency_id is None else MadeIn.AGENCY)
    made = making.maker(who, made_in, new.agency_id)
    contract = await making.open_contract(tx, new.contract_id, who)
    if await queries.has_open_plan(tx, new.contract_id):
        raise PlanOpen()
    total = sum((instalment.amount for instalment in new.instalments), NOTHING)
    making.refuse_more_than_owed(contract, total, "/instalments")
    parts = [making.Part(one.due_on, one.amount, f"/instalments/{n}") for n, one in enumerate(new.instalments)]
    await making.refuse_misfits(tx, contract, parts)
    agreement_id = await _write(tx, contract, made, parts, total)
    await judge(tx, {new.contract_id: None})
    return await _find(tx, agreement_id, who)


async def _write(
    tx: Transaction, contract: Row, made: making.Maker, parts: Sequence[making.Part], total: Decimal
) -> UUID:
    settles_in_full = total == contract["total_balance"]
    contract_id, currency = contract["contract_id"], contract["currency"]
    written = await queries.make_agreement(
        tx,
        (contract_id, AgreementKind.PLAN, currency, total, settles_in_full, contract["business_date"], *made),
    )
    agreement_id: UUID = written["agreement_id"]
    promises = await making.write(tx, contract, made, parts, agreement_id)
    schedule = (AgreedInstalment(promise_id=p["promise_id"], due_on=p["due_on"], amount=p["amount"]) for p in promises)
    tx.publish(
        AgreementReached(
            contract_id=contract_id,
            agreement_id=agreement_id,
            version=written["version"],
            kind=AgreementKind.PLAN,
            schedule=tuple(schedule),
            discount=NOTHING,
            currency=currency,
            settles_in_full=settles_in_full,
        )
    )
    return agreement_id


@router.get("/agreements", dependencies=[reads("promises", agency=True)])
async def list_agreements(
    query: PageQuery, reader: ReadConnection, who: CurrentPrincipal, contract_id: UUID | None = None
) -> Page[Agreement]:
    """Plans in the order in which they were reached; an agency's token sees its own."""
    after = query.after(UUID)
    rows = await queries.agreements(reader, contract_id, after, who.agency_id, query.limit + 1)
    return page(await _shown(reader, rows), query, key=lambda agreement: (agreement.agreement_id,))


@router.get("/agreements/{agreement_id}", dependencies=[reads("promises", agency=True)])
async def read_agreement(agreement_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Agreement:
    """One plan as it stands, with its instalments."""
    return await _find(reader, agreement_id, who)


@router.post("/agreements/{agreement_id}/cancellation", status_code=201, dependencies=[writes("promises", agency=True)])
async def cancel_agreement(
    agreement_id: UUID, cancellation: Cancellation, tx: WriteTransaction, who: CurrentPrincipal
) -> Agreement:
    """Call off an open plan, for good, and with it the instalments that are still open."""
    agreement = await _find(tx, agreement_id, who)
    await making.lock_for_cancelling(tx, agreement.contract_id, who)
    agreement = await _find(tx, agreement_id, who)
    if agreement.state is not AgreementState.OPEN:
        raise AgreementEnded()
    await queries.cancel_agreement(tx, agreement_id, cancellation.reason)
    await judge(tx, {agreement.contract_id: None})
    return await _find(tx, agreement_id, who)
