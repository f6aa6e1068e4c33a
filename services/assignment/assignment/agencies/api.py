"""Agencies, their service contracts and their commissions over HTTP."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from chassis import (
    Conflict,
    Count,
    CurrentPrincipal,
    Day,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Principal,
    ReadConnection,
    Reader,
    Router,
    ShortText,
    WriteTransaction,
    page,
    reads,
    writes,
)
from fastapi import Query
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictInt, WithJsonSchema
from recobro_events import Money, Transaction
from recobro_events.contracts.agency import AgencyRegistered
from recobro_events.contracts.assignment import PlacementKind

from assignment.agencies import queries
from assignment.commissions import queries as commission_queries
from assignment.placing.rules import overlapping_band

router = Router(prefix="/v1", tags=["agencies"])

_PERCENT = re.compile(r"\d{1,3}(\.\d{1,3})?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class AgencyUnknown(NotFound):
    code = "agency-unknown"
    detail = "There is no such agency."


class ServiceContractsOverlap(Conflict):
    code = "service-contracts-overlap"
    detail = "The agency has a service contract for one of these kinds on one of these days already."


def _percent(value: object) -> object:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _PERCENT.fullmatch(value):
        raise ValueError('must be a string such as "12.50" with at most 3 digits after the point')
    return Decimal(value)


def _email(value: str) -> str:
    if not _EMAIL.fullmatch(value):
        raise ValueError("must be an e-mail address")
    return value


def no_doubles(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """``values`` themselves; ``ValueError`` when one is named twice."""
    if len(set(values)) < len(values):
        raise ValueError("must not name one twice")
    return values


Percent = Annotated[
    Decimal,
    BeforeValidator(_percent),
    Field(ge=0, le=100),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["12.50"]}),
]
"""Percent of an amount, 0 to 100, as a decimal string with at most 3 digits after the point."""

Days = Annotated[StrictInt, Field(ge=0, le=36_500)]


class NewAgency(InputModel):
    name: ShortText
    email: Annotated[ShortText, AfterValidator(_email)] | None = None


class Agency(OutputModel):
    agency_id: UUID
    name: str
    email: str | None
    created_at: datetime


class Fee(InputModel):
    """``percent`` of what a payment reduces a debt that is ``from_days`` to ``to_days`` past due, both inclusive."""

    kind: PlacementKind
    from_days: Days
    to_days: Days | None = None
    percent: Percent


class NewServiceContract(InputModel):
    """What an agency does, from ``starts_on`` to ``ends_on`` (inclusive; open when null), and what it earns.

    ``capacity``: so many active placements at most over its kinds together; null: as many as there are.
    ``attribution_days``: for so many days after a placement has ended, payments still earn.
    """

    kinds: Annotated[tuple[PlacementKind, ...], Field(min_length=1), AfterValidator(no_doubles)]
    starts_on: Day
    ends_on: Day | None = None
    capacity: Annotated[Count, Field(ge=1)] | None = None
    fees: Annotated[tuple[Fee, ...], Field(max_length=200)] = ()
    recall_grace_days: Annotated[StrictInt, Field(ge=0, le=365)]
    attribution_days: Annotated[StrictInt, Field(ge=0, le=3650)] = 0


class ServiceContract(OutputModel):
    service_contract_id: UUID
    agency_id: UUID
    kinds: tuple[PlacementKind, ...]
    starts_on: date
    ends_on: date | None
    capacity: int | None
    fees: tuple[Fee, ...]
    recall_grace_days: int
    attribution_days: int
    created_at: datetime


class CommissionItem(OutputModel):
    """``reversed_on``: the business date on which its payment was undone; it counts no more."""

    payment_id: UUID
    placement_id: UUID
    contract_id: UUID
    contract_number: str | None
    kind: PlacementKind
    earned_on: date
    days_past_due: int
    base: Money
    percent: Percent
    amount: Money
    currency: str
    reversed_on: date | None


class CommissionTotal(OutputModel):
    """``amount`` is what is left of ``earned`` without ``reversed``."""

    currency: str
    items: int
    earned: Money
    reversed: Money
    amount: Money


class Commissions(OutputModel):
    """A page of what was earned in a period, and the totals of all of it."""

    items: list[CommissionItem]
    next_cursor: str | None
    totals: list[CommissionTotal]


@router.post("/agencies", status_code=201, dependencies=[writes("assignment")])
async def create_agency(new: NewAgency, tx: WriteTransaction) -> Agency:
    """Register an agency. Its event stream begins."""
    row = await queries.create_agency(tx, new.name, new.email)
    tx.publish(AgencyRegistered(agency_id=row["agency_id"]))
    return Agency(**row)


@router.get("/agencies", dependencies=[reads("assignment")])
async def list_agencies(query: PageQuery, reader: ReadConnection) -> Page[Agency]:
    """Agencies, oldest first."""
    rows = await queries.agencies(reader, _after(query.after(datetime, UUID)), query.limit + 1)
    return page(rows, query, key=lambda row: (row["created_at"].isoformat(), row["agency_id"]))


def _after(key: tuple[Any, ...] | None) -> queries.After:
    return (key[0], key[1]) if key else None


@router.get("/agencies/{agency_id}", dependencies=[reads("assignment", agency=True)])
async def read_agency(agency_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Agency:
    return Agency(**await _expect_agency(reader, agency_id, who))


async def _expect_agency(reader: Reader, agency_id: UUID, who: Principal) -> Any:
    row = await queries.agency(reader, agency_id)
    if row is None or who.agency_id not in (None, agency_id):
        raise AgencyUnknown()
    return row


@router.post("/agencies/{agency_id}/service-contracts", status_code=201, dependencies=[writes("assignment")])
async def create_service_contract(agency_id: UUID, new: NewServiceContract, tx: WriteTransaction) -> ServiceContract:
    """Give an agency work of these kinds. Of each kind it has at most one service contract a day."""
    _check(new)
    if not await queries.lock_agency(tx, agency_id):
        raise AgencyUnknown()
    if other := await queries.overlapping(tx, agency_id, new.kinds, new.starts_on, new.ends_on):
        raise ServiceContractsOverlap(extra={"service_contract_id": other})
    fees = sorted(new.fees, key=lambda fee: (fee.kind, fee.from_days))
    row = await queries.create_service_contract(
        tx,
        (
            agency_id,
            new.kinds,
            new.starts_on,
            new.ends_on,
            new.capacity,
            new.recall_grace_days,
            new.attribution_days,
        ),
        [(fee.kind, fee.from_days, fee.to_days, fee.percent) for fee in fees],
    )
    return ServiceContract(**row, fees=tuple(fees))


def _check(new: NewServiceContract) -> None:
    mistakes = []
    if new.ends_on is not None and new.ends_on < new.starts_on:
        mistakes.append(FieldError("/ends_on", "must not lie before starts_on"))
    for index, fee in enumerate(new.fees):
        if fee.kind not in new.kinds:
            mistakes.append(FieldError(f"/fees/{index}/kind", "must be one of the kinds of the service contract"))
        if fee.to_days is not None and fee.to_days < fee.from_days:
            mistakes.append(FieldError(f"/fees/{index}/to_days", "must not be less than from_days"))
    if not mistakes and (double := overlapping_band(new.fees)) is not None:
        mistakes.append(FieldError(f"/fees/{double}/from_days", "must not overlap another fee of the kind"))
    if mistakes:
        raise Invalid("The service contract contradicts itself.", errors=mistakes)


@router.get("/agencies/{agency_id}/service-contracts", dependencies=[reads("assignment")])
async def list_service_contracts(
    agency_id: UUID, query: PageQuery, reader: ReadConnection, who: CurrentPrincipal
) -> Page[ServiceContract]:
    """The agency's service contracts, oldest first."""
    await _expect_agency(reader, agency_id, who)
    after = _after(query.after(datetime, UUID))
    rows = await queries.service_contracts(reader, agency_id, after, query.limit + 1)
    return page(rows, query, key=lambda row: (row["created_at"].isoformat(), row["service_contract_id"]))


@router.get("/agencies/{agency_id}/commissions", dependencies=[reads("assignment", agency=True)])
async def list_commissions(
    agency_id: UUID,
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
) -> Commissions:
    """What the agency earned on the business dates ``from`` to ``to``, both inclusive, with totals per currency."""
    await _expect_agency(reader, agency_id, who)
    if first is not None and last is not None and last < first:
        raise Invalid("The period ends before it begins.", errors=[FieldError("/query/to", "must not lie before from")])
    after = query.after(date, UUID, UUID)
    start = (after[0], after[1], after[2]) if after else None
    rows = await commission_queries.items(reader, agency_id, first, last, start, query.limit + 1)
    shown = page(rows, query, key=lambda row: (row["earned_on"], row["payment_id"], row["placement_id"]))
    totals: Sequence[Any] = await commission_queries.totals(reader, agency_id, first, last)
    return Commissions(
        items=[CommissionItem(**item) for item in shown["items"]],
        next_cursor=shown["next_cursor"],
        totals=[CommissionTotal(**total) for total in totals],
    )


async def expect_agencies(tx: Transaction, agency_ids: Sequence[UUID]) -> None:
    """``AgencyUnknown`` names those that do not exist."""
    if unknown := await queries.unknown_agencies(tx, agency_ids):
        raise AgencyUnknown(f"There is no such agency: {', '.join(map(str, unknown))}.")
