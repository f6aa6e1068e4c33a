"""Books payments, one or many at once, each on the oldest instalments of its contract.

A single request and a piece of a batch take the same way here. Every step is one statement for all payments. Contracts
are locked before, then keys are taken in one order, so that two transactions never wait for each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import Amount, Conflict, Day, FieldError, InputModel, Invalid, Problem, ShortText
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractState, PaymentReceived, StageCause

from portfolio.ledger import limits
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.fact_identities import payment_id_of
from portfolio.ledger.history import Line
from portfolio.ledger.rules import takes_money
from portfolio.payments import identifying, queries
from portfolio.payments.rules import day_heard, latest_paid_on, stage_cause_of_payment


class PaymentFacts(InputModel):
    """``reference`` is given by the channel. Channel and reference identify the payment in its portfolio.

    Spellings that differ in case, spaces or invisible characters are one reference. ``channel`` is one of the
    portfolio's ``payment_channels``, in any case. ``holdoff_from`` is for a payment that is entered again after a
    restore: the day that its first entry had.
    """

    amount: Amount
    paid_on: Day
    channel: ShortText
    reference: ShortText | None = None
    holdoff_from: Day | None = None


class PaymentKnown(Conflict):
    """``is_same``: the known payment has the same contract, amount and day. ``known`` names these three for people."""

    code = "payment-known"
    detail = "This portfolio has a payment with this channel and reference already."

    def __init__(self, payment_id: UUID, known: str, *, is_same: bool) -> None:
        super().__init__(f"{self.detail[:-1]}: {known}.", extra={"payment_id": payment_id})
        self.payment_id = payment_id
        self.known = known
        self.is_same = is_same


class PaymentUnidentified(Conflict):
    """A bank's file has brought the money, and it waits for its contract. ``is_same``: with this amount and day."""

    code = "payment-unidentified"
    detail = (
        "The bank's file has brought the payment with this channel and reference, and it is kept as unidentified."
        " Allocate it to the contract."
    )

    def __init__(self, unidentified_id: UUID, *, is_same: bool) -> None:
        super().__init__(extra={"unidentified_id": unidentified_id})
        self.unidentified_id = unidentified_id
        self.is_same = is_same


class PaymentEntered(Conflict):
    code = "payment-entered"
    detail = "There is a payment with this id already."


class ReferenceReversed(Conflict):
    code = "reference-reversed"
    detail = (
        "The payment with this channel and reference was reversed. If the money has arrived on this contract once more,"
        ' send it with "again": true.'
    )


class PaymentDoubtful(Conflict):
    code = "payment-doubtful"
    detail = (
        "The same payment without a reference arrived less than 60 seconds ago. If this is another one, send it with"
        ' "again": true.'
    )


class TooManyPayments(Conflict):
    code = "too-many-payments"
    detail = f"The contract has {limits.PAYMENTS} payments. No more can be added."


@dataclass(frozen=True)
class Incoming:
    """A payment for a contract, whose row comes from ``ledger.locking``.

    ``again`` says that the payment is no double, and that a reversed reference may be booked on the same contract once
    more. ``attended``: a person enters this very payment. Else a reversed reference waits for a person. ``entered_id``
    is the id of a payment without a reference that is entered again. ``allocates`` is the unidentified payment whose
    money this is.
    """

    contract: Row
    facts: PaymentFacts
    again: bool = False
    attended: bool = True
    entered_id: UUID | None = None
    allocates: UUID | None = None

    @property
    def contract_id(self) -> UUID:
        return self.contract["contract_id"]  # type: ignore[no-any-return]

    @property
    def channel(self) -> str:
        return self.facts.channel.lower()

    @property
    def day_heard(self) -> date:
        return day_heard(self.contract["business_date"], self.facts.paid_on, self.today)

    @property
    def today(self) -> date:
        """The clock's day in the portfolio's time zone."""
        return datetime.now(ZoneInfo(self.contract["timezone"])).date()


@dataclass(frozen=True)
class Booked:
    """A payment that was booked, and the contract's position after it."""

    payment_id: UUID
    received_at: datetime
    credit: Decimal
    position: Row


async def book(tx: Transaction, incoming: Sequence[Incoming]) -> Sequence[Booked | Problem]:
    """Book these payments and publish each. No contract may occur twice; the contracts' rows are locked.

    Returns the outcome of each payment, in the same order. A closed contract keeps its payment as credit.
    """
    outcomes: dict[int, Booked | Problem] = {}
    for place, one in enumerate(incoming):
        if (fault := _fault_of(one)) is not None:
            outcomes[place] = fault
    waiting = {place: one for place, one in enumerate(incoming) if place not in outcomes}
    taken: dict[int, Row] = {}
    tried: dict[int, int] = {}
    while waiting:
        ids: dict[int, UUID] = {}
        for found in await tx.fetch(queries.LOOK_UP, *_looked_up(waiting)):
            place, one = found["place"], waiting[found["place"]]
            if (refusal := _refusal(one, found)) is not None:
                outcomes[place] = refusal
                continue
            if one.entered_id is not None and await tx.fetchrow(queries.TO_REVERSE, one.entered_id) is not None:
                outcomes[place] = PaymentEntered(extra={"payment_id": one.entered_id})
                continue
            # A booking whose id belongs to another reference, which ends like it, takes the next number.
            tried[place] = max(tried.get(place, 0), found["bookings"]) + 1
            portfolio_id, reference = one.contract["portfolio_id"], one.facts.reference
            ids[place] = one.entered_id or payment_id_of(portfolio_id, one.channel, reference, tried[place])
        rows = await tx.fetch(queries.BOOK, *_to_book(waiting, ids, tried)) if ids else []
        taken |= {row["place"]: row for row in rows}
        # Where another transaction has taken the key meanwhile, it is looked up once more.
        waiting = {place: waiting[place] for place in ids if place not in taken}
    beside_files = [row["payment_id"] for row in taken.values() if row["file_stated"]]
    identified = await identifying.identify(tx, beside_files)
    credits_ = {row["payment_id"]: row["credit"] for row in taken.values()} | dict(identified.credits)
    positions = await _record(
        tx, {place: (incoming[place], row, credits_[row["payment_id"]]) for place, row in sorted(taken.items())}
    )
    await identifying.publish(tx, identified)
    for place, row in taken.items():
        position = positions[incoming[place].contract_id]
        outcomes[place] = Booked(row["payment_id"], row["received_at"], credits_[row["payment_id"]], position)
    return [outcomes[place] for place in range(len(incoming))]


def _fault_of(one: Incoming) -> Invalid | None:
    facts = one.facts
    latest = latest_paid_on(one.contract["business_date"], one.today)
    if facts.paid_on > latest:
        return _invalid("The date of the payment is in the future.", "/paid_on", f"must not be later than {latest}")
    channels = one.contract["payment_channels"]
    if one.channel not in channels:
        allowed = f"must be one of {', '.join(channels)}"
        return _invalid("The portfolio takes no payments of this channel.", "/channel", allowed)
    if one.entered_id is not None and facts.reference is not None:
        return _invalid("The payment has a reference.", "/payment_id", "is only for payments without a reference")
    if facts.holdoff_from is not None and not facts.paid_on <= facts.holdoff_from <= one.day_heard:
        bounds = f"must lie between {facts.paid_on} and {one.day_heard}"
        return _invalid("No entry of this payment can have had this day.", "/holdoff_from", bounds)
    return None


def _invalid(detail: str, pointer: str, mistake: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(pointer, mistake)])


def _refusal(one: Incoming, found: Row) -> Problem | None:
    """Why the payment cannot be booked now, by what ``LOOK_UP`` has found."""
    if one.facts.reference is not None and not found["is_legible"]:
        return _invalid("The reference cannot be recognised.", "/reference", "must have a visible character")
    if found["unidentified"] not in (None, one.allocates):
        return PaymentUnidentified(found["unidentified"], is_same=found["is_unidentified"])
    if found["known"] is not None:
        known = "{known_amount:.2f} paid on {known_paid_on} on the contract {known_contract}".format(**dict(found))
        return PaymentKnown(found["known"], known, is_same=found["is_same"])
    if found["reversed"] is not None and not one.again and (found["reversed_here"] or not one.attended):
        return ReferenceReversed(extra={"payment_id": found["reversed"]})
    if found["was_unidentified"] and not one.attended:
        # The bank took the money back before anybody knew whose it was.
        return ReferenceReversed()
    if found["held"] >= limits.PAYMENTS:
        return TooManyPayments()
    if found["double"] is not None and not one.again:
        return PaymentDoubtful(extra={"payment_id": found["double"]})
    return None


def _looked_up(waiting: Mapping[int, Incoming]) -> list[list[Any]]:
    return _columns(
        (
            place,
            one.contract_id,
            one.contract["portfolio_id"],
            one.channel,
            one.facts.reference,
            one.facts.amount,
            one.facts.paid_on,
        )
        for place, one in waiting.items()
    )


def _to_book(waiting: Mapping[int, Incoming], ids: Mapping[int, UUID], bookings: Mapping[int, int]) -> list[list[Any]]:
    return _columns(
        (
            place,
            payment_id,
            bookings[place],
            one.contract_id,
            one.facts.amount,
            one.facts.paid_on,
            one.facts.holdoff_from or one.day_heard,
            one.contract["business_date"],
            one.channel,
            one.facts.reference,
            one.contract["days_today"],
            one.contract["episode"],
            takes_money(ContractState(one.contract["state"])),
        )
        for place, payment_id in ids.items()
        for one in [waiting[place]]
    )


def _columns(rows: Any) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def _record(tx: Transaction, taken: Mapping[int, tuple[Incoming, Row, Decimal]]) -> Mapping[UUID, Row]:
    changes: dict[StageCause, list[Change]] = {}
    for one, row, credit in taken.values():
        cause = stage_cause_of_payment(one.facts.paid_on, one.contract["business_date"])
        changes.setdefault(cause, []).append(Change(partial(_event, one, row, credit), _line(one, row, credit)))
    positions: dict[UUID, Row] = {}
    for cause, caused in changes.items():
        positions |= await record_each(tx, cause, caused)
    return positions


def _event(one: Incoming, row: Row, credit: Decimal, fields: dict[str, Any]) -> PaymentReceived:
    return PaymentReceived(
        **fields,
        payment_id=row["payment_id"],
        amount=one.facts.amount,
        currency=one.contract["currency"],
        paid_on=one.facts.paid_on,
        received_at=row["received_at"],
        channel=one.channel,
        reference=one.facts.reference,
        credit=credit,
        settled=fields["total_balance"] == 0,
        days_past_due_before=one.contract["days_today"],
        holdoff_from=row["holdoff_from"],
    )


def _line(one: Incoming, row: Row, credit: Decimal) -> Line:
    data = {"payment_id": row["payment_id"], "amount": one.facts.amount, "credit": credit}
    data |= {"channel": one.channel, "paid_on": one.facts.paid_on}
    summary = f"{one.facts.amount:.2f} through {one.channel}"
    return Line(one.contract_id, "payment_received", summary, data)
