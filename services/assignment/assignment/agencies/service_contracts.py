"""Service contracts of agencies: kinds of work, term, capacity, fees, days of grace and of attribution."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from chassis import Conflict, Count, Day, Distinct, FieldError, InputModel, Invalid, OutputModel, Percent
from pydantic import Field, StrictInt
from recobro_events import Transaction
from recobro_events.contracts.assignment import PlacementKind

from assignment.agencies import queries
from assignment.agencies.reading import AgencyUnknown
from assignment.agencies.rules import overlapping_band

Days = Annotated[StrictInt, Field(ge=0, le=36_500)]


class ServiceContractsOverlap(Conflict):
    code = "service-contracts-overlap"
    detail = "The agency already has a service contract for one of these kinds on one of these days."


MAX_SERVICE_CONTRACTS = 200


class TooManyServiceContracts(Conflict):
    code = "too-many-service-contracts"
    detail = f"The agency has {MAX_SERVICE_CONTRACTS} service contracts already."


class Fee(InputModel):
    """The commission on a payment for a debt ``from_days`` to ``to_days`` past due, both inclusive.

    ``percent`` applies to the amount by which the payment reduces the debt.
    """

    kind: PlacementKind
    from_days: Days
    to_days: Days | None = None
    percent: Percent


class NewServiceContract(InputModel):
    """The work of an agency and its fees, from ``starts_on`` to ``ends_on`` (inclusive; null leaves the end open).

    ``capacity`` is the largest number of active placements over all kinds together; null means no limit.
    ``attribution_days`` is the number of days after the end of a placement on which payments still earn.
    """

    kinds: Distinct[Annotated[tuple[PlacementKind, ...], Field(min_length=1)]]
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


async def create(tx: Transaction, agency_id: UUID, new: NewServiceContract) -> ServiceContract:
    """Create a service contract. An agency has at most one service contract for a kind of work on any day.

    Raises ``Invalid``, ``AgencyUnknown``, ``TooManyServiceContracts`` and ``ServiceContractsOverlap``.
    """
    _check(new)
    if await tx.fetchrow(queries.LOCK_AGENCY, agency_id) is None:
        raise AgencyUnknown()
    if await tx.fetchval(queries.COUNT_SERVICE_CONTRACTS, agency_id) >= MAX_SERVICE_CONTRACTS:
        raise TooManyServiceContracts()
    if overlapping := await tx.fetchval(queries.OVERLAPPING, agency_id, new.kinds, new.starts_on, new.ends_on):
        raise ServiceContractsOverlap(extra={"service_contract_id": overlapping})
    [row] = await tx.fetch(
        queries.CREATE_SERVICE_CONTRACT,
        agency_id,
        new.kinds,
        new.starts_on,
        new.ends_on,
        new.capacity,
        new.recall_grace_days,
        new.attribution_days,
    )
    fees = sorted(new.fees, key=lambda fee: (fee.kind, fee.from_days))
    if fees:
        columns = zip(*((fee.kind, fee.from_days, fee.to_days, fee.percent) for fee in fees), strict=True)
        await tx.execute(queries.CREATE_FEES, row["service_contract_id"], *columns)
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
