"""When a placement is recalled, when its recall is final, when it ends: SQL for one contract or ten thousand.

The fragments speak of the rows ``contract``, ``portfolio`` (left joined) and ``placement``.
"""

from enum import StrEnum

from assignment.placement_rules.rules import HOLDS


class Reason(StrEnum):
    """Why a placement is recalled or ends without anybody asking for it."""

    PAID_IN_FULL = "paid_in_full"
    CLOSED = "closed"
    NO_LONGER_ELIGIBLE = "no_longer_eligible"
    TERM_OVER = "term_over"


BUSINESS_DATE = "greatest(portfolio.business_date, contract.as_of)"
"""The business date of a contract: its portfolio's, unless a position of a later day has overtaken that."""

LAST_DAY_OF_GRACE = "asked.day + service_contract.recall_grace_days"
"""Until when the agency may acknowledge or object to a recall that is asked for on ``asked.day``: ``final_on``."""

GRACE_OVER = f"placement.final_on < {BUSINESS_DATE}"
"""Whether the agency's days of grace are over: a pending recall is final, and too late to object to."""

TERM_OVER = f"placement.ends_on < {BUSINESS_DATE}"
"""Whether the service contract under which the contract was placed is over."""

_RECALL_REASON = f"""
    CASE WHEN contract.state = 'settled' OR (contract.state = 'open' AND contract.overdue_balance = 0)
            THEN '{Reason.PAID_IN_FULL}'
        WHEN contract.state <> 'open' THEN '{Reason.CLOSED}'
        ELSE '{Reason.NO_LONGER_ELIGIBLE}' END
"""

# What an operator has reinstated, the rules do not recall for the same reason again.
NEXT_STATE = f"""
    CASE WHEN placement.state = 'recall_pending' AND {GRACE_OVER} THEN 'recalled'
        WHEN placement.state = 'active' AND {TERM_OVER} THEN 'ended'
        WHEN placement.state = 'active' AND {_RECALL_REASON} IS DISTINCT FROM placement.waived AND NOT EXISTS (
            SELECT FROM placement_rule rule WHERE rule.kind = placement.kind AND {HOLDS}) THEN 'recall_pending' END
"""
"""What a placement is to become now, by its dates and the rules; null when it stays as it is."""

NEXT_REASON = f"""
    CASE WHEN placement.state = 'recall_pending' THEN placement.reason
        WHEN {TERM_OVER} THEN '{Reason.TERM_OVER}'
        ELSE {_RECALL_REASON} END
"""
"""Why it becomes its ``NEXT_STATE``."""
