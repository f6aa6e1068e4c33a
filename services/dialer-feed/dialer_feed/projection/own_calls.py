"""Calls of the creditor's own people. Call frequency counts them together with dialers' calls and visits."""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.portfolio import AttemptMade

_KEEP = """
INSERT INTO own_call (attempt_id, contract_id, business_date, made_at, right_party)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::timestamptz[], $5::boolean[]) ON CONFLICT DO NOTHING
"""
_CALL = "call"


async def keep(tx: Transaction, events: Sequence[AttemptMade]) -> None:
    """Keep the calls among these attempts. A message is no call, so the caps of calls do not count it.

    One call about several contracts of a person is kept once.
    """
    rows = [
        (one.attempt_id, one.contract_id, one.business_date, one.made_at, one.right_party)
        for one in events
        if one.channel == _CALL and one.same_as is None
    ]
    await tx.execute(_KEEP, *columns(iter(rows), 5))
