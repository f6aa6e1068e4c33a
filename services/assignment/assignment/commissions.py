"""What agencies earn from payments, and lose again when one is undone."""

from collections.abc import Sequence

from events.contracts.assignment import CommissionEarned, CommissionEvent, CommissionReversed
from events.contracts.portfolio import PaymentReceived, PaymentReversed
from events.database import Row, Transaction

from assignment import commission_queries as queries
from assignment.telling import cause_of


async def earn(tx: Transaction, payments: Sequence[PaymentReceived]) -> None:
    """A commission for each placement in force on the payment's business date whose fees cover the age of the debt.

    The base is what reduced the debt: a payment's credit earns nothing.
    """
    rows = [
        (p.contract_id, p.payment_id, p.as_of, p.days_past_due_before, p.amount - p.credit, p.currency)
        for p in payments
    ]
    earned = await queries.earn(tx, list(zip(*rows, strict=True)))
    _publish(tx, CommissionEarned, earned, payments)


async def reverse(tx: Transaction, reversals: Sequence[PaymentReversed]) -> None:
    """The same amounts back. A payment that is heard of only after its reversal earns nothing."""
    rows = [(r.payment_id, r.contract_id, r.as_of) for r in reversals]
    undone = await queries.reverse(tx, list(zip(*rows, strict=True)))
    _publish(tx, CommissionReversed, undone, reversals)


def _publish(
    tx: Transaction,
    event_type: type[CommissionEvent],
    rows: Sequence[Row],
    causes: Sequence[PaymentReceived | PaymentReversed],
) -> None:
    by_contract = {cause.contract_id: cause for cause in causes}
    for row in sorted(rows, key=lambda row: (row["contract_id"], row["placement_id"])):
        event = event_type(**{name: row[name] for name in event_type.model_fields})
        fact = by_contract[event.contract_id]
        tx.publish(event, cause=cause_of(fact, event.placement_id), follows=fact)
