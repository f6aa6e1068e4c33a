"""Which kind of work earns from a payment when agencies had the contract for several kinds."""

from datetime import date, datetime
from typing import Annotated

from chassis import Conflict, Day, Distinct, InputModel, OutputModel, Reader
from pydantic import Field
from recobro_events import Transaction
from recobro_events.contracts.assignment import PlacementKind

from assignment.commissions import queries
from assignment.commissions.rules import DEFAULT_PRECEDENCE

MAX_PRECEDENCES = 200


class PrecedenceTooEarly(Conflict):
    code = "precedence-too-early"


class TooManyPrecedences(Conflict):
    code = "too-many-precedences"
    detail = f"There are {MAX_PRECEDENCES} precedences already."


class NewPrecedence(InputModel):
    """All kinds of work, the one that earns first. It holds for payments of ``starts_on`` and later."""

    kinds: Distinct[
        Annotated[tuple[PlacementKind, ...], Field(min_length=len(PlacementKind), max_length=len(PlacementKind))]
    ]
    starts_on: Day


class Precedence(OutputModel):
    """The kinds of work in the order in which they earn. Both dates are null for the default, which is the first."""

    starts_on: date | None = None
    kinds: tuple[PlacementKind, ...]
    created_at: datetime | None = None


class Precedences(OutputModel):
    """The default and all later precedences, the earliest first."""

    items: tuple[Precedence, ...]


async def add(tx: Transaction, new: NewPrecedence) -> Precedence:
    """Add a precedence. No payment that may have earned already changes its kind by it.

    Raises ``PrecedenceTooEarly``, which names the first free day, and ``TooManyPrecedences``.
    """
    await tx.execute(queries.LOCK_PRECEDENCES)
    [known] = await tx.fetch(queries.FIRST_FREE_DAY)
    if known["precedences"] >= MAX_PRECEDENCES:
        raise TooManyPrecedences()
    if new.starts_on < known["day"]:
        raise PrecedenceTooEarly(
            f"Payments before {known['day']} may have earned already.", extra={"earliest": known["day"].isoformat()}
        )
    [row] = await tx.fetch(queries.ADD_PRECEDENCE, new.starts_on, new.kinds)
    return Precedence(**row)


async def read_all(reader: Reader) -> Precedences:
    rows = await reader.fetch(queries.PRECEDENCES)
    return Precedences(items=(Precedence(kinds=DEFAULT_PRECEDENCE), *(Precedence(**row) for row in rows)))
