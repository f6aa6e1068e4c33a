"""The rules for the recall, the final recall and the end of a placement, as SQL for any number of contracts.

The fragments use the rows ``contract``, ``portfolio`` (left joined) and ``placement``.
"""

from enum import StrEnum

from assignment.placement_rules.rules import HOLDS


class Reason(StrEnum):
    """The reasons for which rules and dates recall or end a placement, and withdraw a recall."""

    PAID_IN_FULL = "paid_in_full"
    CLOSED = "closed"
    NO_LONGER_ELIGIBLE = "no_longer_eligible"
    TERM_OVER = "term_over"
    DECEASED = "deceased"
    REPRESENTED = "represented"
    PAYMENT_REVERSED = "payment_reversed"
    STATUS_CHANGED = "debtor_status_changed"


BUSINESS_DATE = "greatest(portfolio.business_date, contract.as_of)"
"""The business date of a contract: its portfolio's date, or the day of its position where this is later."""

POSITION_HOLDS = f"(contract.next_change_on IS NULL OR {BUSINESS_DATE} < contract.next_change_on)"
"""Whether the known position holds on the business date. If it does not, the event with the next one is under way."""

LAST_DAY_OF_GRACE = "given.day + service_contract.recall_grace_days"
"""``final_on``: the last day on which the agency may object to a recall that was requested on ``given.day``."""

GRACE_OVER = f"placement.final_on < {BUSINESS_DATE}"
"""Whether the agency's days of grace are over. A pending recall is then final and cannot be objected to."""

TERM_OVER = f"placement.ends_on < {BUSINESS_DATE}"
"""Whether the service contract of the placement is over."""

_RECALL_REASON = f"""
    CASE WHEN contract.status IN ('{Reason.DECEASED}', '{Reason.REPRESENTED}') THEN contract.status
        WHEN contract.state = 'settled' OR (contract.state = 'open' AND contract.overdue_balance = 0)
            THEN '{Reason.PAID_IN_FULL}'
        WHEN contract.state <> 'open' THEN '{Reason.CLOSED}'
        ELSE '{Reason.NO_LONGER_ELIGIBLE}' END
"""

# After an operator has reinstated a placement, the rules do not recall it for the same reason again.
_UNFIT = f"""({_RECALL_REASON} IS DISTINCT FROM placement.waived AND NOT EXISTS (
            SELECT FROM placement_rule rule WHERE rule.kind = placement.kind AND {HOLDS}))"""
_OF_FORMER_STATUS = f"""(placement.state IN ('recall_pending', 'objected') AND NOT placement.on_request
            AND placement.reason IN ('{Reason.DECEASED}', '{Reason.REPRESENTED}')
            AND contract.status NOT IN ('{Reason.DECEASED}', '{Reason.REPRESENTED}'))"""
NEXT_STATE = f"""
    CASE WHEN placement.state = 'recall_pending' AND {GRACE_OVER} THEN 'recalled'
        WHEN placement.state = 'active' AND {TERM_OVER} THEN 'ended'
        WHEN placement.state = 'active' AND {_UNFIT} THEN 'recall_pending'
        WHEN {_OF_FORMER_STATUS} AND NOT {_UNFIT} THEN 'active' END
"""
"""The next state of a placement by its dates and the rules; null when the state does not change."""

NEXT_REASON = f"""
    CASE WHEN {_OF_FORMER_STATUS} AND NOT {GRACE_OVER} THEN '{Reason.STATUS_CHANGED}'
        WHEN placement.state = 'recall_pending' THEN placement.reason
        WHEN {TERM_OVER} THEN '{Reason.TERM_OVER}'
        ELSE {_RECALL_REASON} END
"""
"""The reason for which a placement gets its ``NEXT_STATE``."""

RECALL_UNDONE = f"""
    (placement.state = 'objected' OR placement.state = 'recall_pending' AND NOT {GRACE_OVER})
    AND NOT placement.on_request AND placement.reason IN ('{Reason.PAID_IN_FULL}', '{Reason.NO_LONGER_ELIGIBLE}')
    AND NOT {_UNFIT}
"""
"""Whether a reversal takes the recall back: without the payment no rule would recall the placement."""
