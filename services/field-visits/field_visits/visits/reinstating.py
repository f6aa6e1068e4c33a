"""Ordering visits again after the payment that had cancelled them was reversed, as if it had never been.

The caller's transaction holds the locks of the contracts' rows, as for ``cancelling``.
"""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.field_visits import VisitReinstated
from recobro_events.contracts.portfolio import PaymentReversed

from field_visits.visits import queries


async def reinstate(tx: Transaction, reversals: Sequence[PaymentReversed]) -> None:
    """Order again the visits that only these payments had cancelled, and publish that they stand.

    A visit stands again on a day after the reversal, if nothing else silences the contract on that day, its agency
    still has the contract, and no other visit is open on that day.
    """
    rows = ((e.contract_id, e.event_id, e.payment_id, max(e.as_of, e.reversed_on or e.as_of)) for e in reversals)
    stand = await tx.fetch(queries.REINSTATE, *zip(*rows, strict=True))
    # Event ids depend on the order of publishing, and RETURNING guarantees no order.
    for row in sorted(stand, key=lambda row: (row["contract_id"], row["visit_id"])):
        visit = VisitReinstated(
            contract_id=row["contract_id"],
            visit_id=row["visit_id"],
            agency_id=row["agency_id"],
            visitor=row["visitor"],
            address_id=row["address_id"],
            visit_on=row["visit_on"],
        )
        tx.publish(visit, cause=row["event_id"])
