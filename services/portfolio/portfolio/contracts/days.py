"""What held of a contract on a day, and why.

Two answers exist. What was *said* is the position with which the portfolio's business date closed: that of the last
event of the day, on which lists, letters and placements stood. What is *known now* is what held on the day by all that
has been learned since: payments by the day on which they were paid, without reversed ones, with the pauses and bands of
now. Both agree until a fact arrives late.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from chassis import ContractUnknown, FieldError, Invalid, NotFound, OutputModel, Reader
from recobro_events import Money, Row
from recobro_events.contracts.portfolio import Stage

from portfolio.charges.laying_queries import RAISING
from portfolio.contracts import days_queries as queries
from portfolio.ledger.positions_queries import STARTS
from portfolio.ledger.rules import STAGE_STARTS, Pauses, days_past_due, days_paused

MOST_FACTS = 100
"""The most facts that an answer names; the latest are named."""

Kind = Literal["instalment", "payment", "charge", "pause", "bands", "file", "correction"]
Effect = Literal[
    "unpaid", "paid", "raised", "lowered", "reversed", "days_not_counted", "stage_begins", "stated", "corrected"
]


class Because(OutputModel):
    """A fact behind the position. ``on``: when it was entered here; of an instalment its due date, of bands their first
    day, of a pause its first day.

    ``scope`` of a pause is what was paused. ``id`` is the instalment's number, or the id of the payment, charge, pause,
    bands, file or clarification; null for the usual bands. ``amount`` is the money of a payment, charge or reversal,
    ``days`` what a pause takes off the days past due, or the day past due on which the stage begins.
    """

    kind: Kind
    id: str | None
    on: date | None
    effect: Effect
    amount: Money | None = None
    days: int | None = None
    scope: Literal["contract", "person", "portfolio", "postal_code"] | None = None


class Position(OutputModel):
    """``days_past_due`` and ``oldest_due_on`` are null on days before the release that keeps them."""

    stage: Stage
    days_past_due: int | None
    oldest_due_on: date | None
    overdue_balance: Money


class StageOnDay(Position):
    """The position of a contract with which the day ``on`` closed, as it was published then.

    A contract that is ``settled`` owes nothing; a ``closed`` one was returned, withdrawn or written off, and its
    ``stage`` says nothing any more. ``because`` holds the facts that were known then, the oldest first: the oldest
    unpaid instalment, the bands, the pauses, and what changed the debt since that instalment fell due.

    ``known_now`` is the position by what is known now. It is null before the creditor's last statement of the contract
    (``stated_as_of``), because a statement replaces the amounts, and for a contract that is closed or restructured.
    ``differs``: both are there and are not the same.
    """

    contract_id: UUID
    on: date
    state: Literal["open", "settled", "closed"]
    because: list[Because]
    known_now: Position | None
    differs: bool
    stated_as_of: date


class NotKnownThen(NotFound):
    code = "contract-not-known-then"
    detail = "The contract was not known here on that day."


@dataclass(frozen=True)
class _Day:
    """What was known of the contract when the day closed."""

    row: Row
    on: date
    pauses: list[Row]
    bands: Row | None

    @property
    def oldest(self) -> date | None:
        oldest: date | None = self.row["oldest_due_on"]
        return oldest

    def spans(self) -> Pauses:
        return [(pause["starts_on"], pause["ends_on"]) for pause in self.pauses]


async def read(reader: Reader, contract_id: UUID, on: date | None) -> StageOnDay:
    """Return what held on a day, by default the business date.

    Raises ``ContractUnknown``, ``NotKnownThen``, and ``Invalid`` for a day after the business date.
    """
    row = await reader.fetchrow(queries.POSITION, contract_id, on or date.max)
    if row is None:
        raise ContractUnknown()
    today = row["business_date"]
    day = on or today
    if day > today:
        bounds = f"must not be after the business date {today}"
        raise Invalid("The day has not come.", errors=[FieldError("/on", bounds)])
    if row["place"] == "new" or (row["since"] is None and day < row["created_on"]):
        raise NotKnownThen()
    pauses = await reader.fetch(queries.PAUSES, contract_id, day)
    bands = await reader.fetchrow(queries.BANDS, row["portfolio_id"], day)
    found = _Day(row, day, pauses, bands)
    said = _said(found)
    known = await _known_now(reader, found)
    first = found.oldest or row["since"] or day
    facts = await reader.fetch(queries.FACTS, contract_id, day, min(first, row["since"] or first), MOST_FACTS)
    return StageOnDay(
        **dict(said),
        contract_id=contract_id,
        on=day,
        state=row["place"] if row["place"] in ("settled", "closed") else "open",
        because=[*_standing(found, said), *(_fact(fact) for fact in reversed(facts))],
        known_now=known,
        differs=known is not None and said.days_past_due is not None and known != said,
        stated_as_of=row["stated_as_of"],
    )


def _said(day: _Day) -> Position:
    row = day.row
    stage = Stage.CURRENT if row["place"] in ("settled", "closed") else Stage(row["place"])
    days = days_past_due(day.oldest, day.spans(), day.on) if row["is_whole"] else None
    overdue = row["overdue_balance"]
    return Position(stage=stage, days_past_due=days, oldest_due_on=day.oldest, overdue_balance=overdue)


async def _known_now(reader: Reader, day: _Day) -> Position | None:
    row = day.row
    if row["place"] == "closed" or row["is_rescheduled"] or day.on < row["stated_as_of"]:
        return None
    owed = await reader.fetchrow(queries.KNOWN_NOW, row["contract_id"], day.on)
    assert owed is not None
    pauses = await reader.fetch(queries.PAUSES_NOW, row["contract_id"])
    days = days_past_due(owed["oldest_due_on"], [(pause["starts_on"], pause["ends_on"]) for pause in pauses], day.on)
    stage = await reader.fetchval(queries.STAGE_NOW, row["portfolio_id"], day.on, days)
    return Position(
        stage=stage,
        days_past_due=days,
        oldest_due_on=owed["oldest_due_on"],
        overdue_balance=owed["overdue_balance"],
    )


def _standing(day: _Day, said: Position) -> Iterator[Because]:
    """The instalment, the bands and the pauses that made the stage of the day."""
    if day.oldest is not None:
        number = day.row["oldest_number"]
        yield Because(kind="instalment", id=None if number is None else str(number), on=day.oldest, effect="unpaid")
    starts = STAGE_STARTS if day.bands is None else {stage: day.bands[name] for stage, name in STARTS.items()}
    yield Because(
        kind="bands",
        id=None if day.bands is None else str(day.bands["bands_id"]),
        on=None if day.bands is None else day.bands["from_on"],
        effect="stage_begins",
        days=starts.get(said.stage, 0),
    )
    until = day.oldest
    for pause in sorted(day.pauses, key=lambda pause: pause["starts_on"]):
        span = (pause["starts_on"], pause["ends_on"])
        if until is not None and (days := days_paused([span], until, day.on)):
            yield Because(
                kind="pause",
                id=str(pause["pause_id"]),
                on=pause["starts_on"],
                effect="days_not_counted",
                days=days,
                scope=pause["scope"],
            )
            until = max(until, min(pause["ends_on"] or day.on, day.on))


_FACTS: dict[str, tuple[Kind, Effect, str]] = {
    "registered": ("file", "stated", "file_id"),
    "revised": ("file", "stated", "file_id"),
    "amended": ("file", "corrected", "file_id"),
    "payment_received": ("payment", "paid", "payment_id"),
    "payment_reversed": ("payment", "reversed", "payment_id"),
    "clarification_resolved": ("correction", "corrected", "clarification_id"),
    "charge_taken": ("charge", "raised", "charge_id"),
    "charge_reversed": ("charge", "reversed", "charge_id"),
}


def _fact(line: Row) -> Because:
    kind, effect, name = _FACTS[line["kind"]]
    data = line["data"]
    if line["kind"] == "charge_taken" and data["kind"] not in RAISING:
        effect = "lowered"
    return Because(kind=kind, id=data.get(name), on=line["business_date"], effect=effect, amount=data.get("amount"))
