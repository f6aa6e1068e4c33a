"""Payments that take the place of money that a file has stated.

When a file states less than was unpaid, somebody has paid, and a payment of channel ``file`` stands for that money.
When the bank's payment arrives, it takes that place: the file's payment is reversed as ``identified``, and the part
that is not replaced is entered again. The balance moves only by the difference, and every consumer counts the money
once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import PaymentReceived, PaymentReversed

from portfolio.ledger import history, positions_queries
from portfolio.ledger.fact_identities import payment_id_of
from portfolio.ledger.history import Line
from portfolio.ledger.positions import position_of
from portfolio.payments import identifying_queries as queries

IDENTIFIED_DAYS = 30
"""A payment takes the place of money that a file has stated, if it arrives within so many days after the file's day."""
IDENTIFIED = "identified"


@dataclass(frozen=True)
class Identified:
    """``credits`` holds the payments that have taken a place, with their credit. ``replaced`` are the files' payments,
    and ``entered`` is what is left of these."""

    credits: Mapping[UUID, Decimal] = field(default_factory=dict)
    replaced: Sequence[Row] = ()
    entered: Sequence[Row] = ()


async def identify(tx: Transaction, received: Collection[UUID]) -> Identified:
    """Let these payments, which were just booked on different contracts, take the place of files' money.

    Positions do not change here. The caller records the payments, and then calls ``publish``.
    """
    found = await tx.fetch(queries.FIND, list(received), IDENTIFIED_DAYS) if received else []
    if not found:
        return Identified()
    taking: dict[UUID, Decimal] = {}
    for row in found:
        taking[row["received_id"]] = taking.get(row["received_id"], Decimal(0)) + row["taken"]
    await tx.execute(queries.UNDO, list(taking))
    stated = [row["payment_id"] for row in found]
    await tx.execute(queries.REVERSE, stated, IDENTIFIED)
    entered = await tx.fetch(
        queries.TAKE,
        *(stated, [row["received_id"] for row in found], [row["taken"] for row in found]),
        *([_id_of_rest(row) for row in found], [row["bookings"] + 1 for row in found]),
    )
    amounts = {row["received_id"]: row["received_amount"] for row in found}
    credits_ = dict.fromkeys(taking, Decimal(0))
    more = {payment_id: amounts[payment_id] - taken for payment_id, taken in taking.items()}
    if beyond := {payment_id: amount for payment_id, amount in more.items() if amount > 0}:
        laid = await tx.fetch(queries.LAY, list(beyond.keys()), list(beyond.values()))
        credits_ |= {row["payment_id"]: row["credit"] for row in laid}
    return Identified(credits_, found, entered)


def _id_of_rest(stated: Row) -> UUID:
    reference = stated["reference"] or stated["rebooked_reference"]
    return payment_id_of(stated["portfolio_id"], stated["channel"], reference, stated["bookings"] + 1)


async def publish(tx: Transaction, identified: Identified) -> None:
    """Publish what is left of the files' payments before their reversals, so that nobody ever counts too little.

    Both travel behind the payment itself, on its lane.
    """
    events = _events(identified)
    if not events:
        return
    raised = await tx.fetch(
        positions_queries.RAISE_VERSIONS, list(events.keys()), [len(makers) for makers in events.values()]
    )
    for position in raised:
        versions = count(position["was_version"] + 1)
        for event_type, facts in events[position["contract_id"]]:
            fields = position_of(position) | {"version": next(versions)}
            if event_type is PaymentReceived:
                facts = facts | {"settled": position["total_balance"] == 0}
            tx.publish(event_type(**fields, **facts))
    await history.record(tx, [_line(row) for row in identified.replaced])


_Facts = tuple[type[PaymentReceived] | type[PaymentReversed], dict[str, Any]]


def _events(identified: Identified) -> Mapping[UUID, list[_Facts]]:
    currencies = {row["contract_id"]: row["currency"] for row in identified.replaced}
    events: dict[UUID, list[_Facts]] = {}
    for row in identified.entered:
        names = ("payment_id", "amount", "paid_on", "received_at", "channel", "credit", "holdoff_from")
        facts = {name: row[name] for name in (*names, "days_past_due_before")}
        facts |= {"currency": currencies[row["contract_id"]], "reference": row["rebooked_reference"]}
        events.setdefault(row["contract_id"], []).append((PaymentReceived, facts))
    for row in identified.replaced:
        facts = {"payment_id": row["payment_id"], "amount": row["amount"], "currency": row["currency"]}
        facts |= {"reason": IDENTIFIED, "reversed_on": row["day"]}
        events.setdefault(row["contract_id"], []).append((PaymentReversed, facts))
    return events


def _line(stated: Row) -> Line:
    data = {"payment_id": stated["payment_id"], "amount": stated["amount"], "reason": IDENTIFIED}
    return Line(stated["contract_id"], "payment_reversed", f"{stated['amount']} through file is identified", data)
