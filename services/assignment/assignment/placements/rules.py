"""Whether a placement stands and whether a rule wants one, as SQL, for one contract or ten thousand.

The fragments speak of the rows ``contract``, ``portfolio`` (left joined), ``placement`` and ``rule``.
"""

from assignment.placing.rules import Reason

LIVE = "placement.state IN ('active', 'recall_pending', 'objected')"
"""The agency has the contract, whether or not it is to give it back."""

DAY = "greatest(portfolio.business_date, contract.as_of)"
"""The business date of a contract: its portfolio's, unless a position of a later day has overtaken that."""

RULE_HOLDS = """
    rule.ended_at IS NULL AND contract.state = 'open'
    AND (rule.stages IS NULL OR contract.stage = ANY (rule.stages))
    AND (rule.min_overdue IS NULL OR contract.overdue_balance > rule.min_overdue)
    AND (rule.segments IS NULL OR contract.segment = ANY (rule.segments))
    AND (rule.states IS NULL OR contract.region = ANY (rule.states))
    AND (rule.products IS NULL OR contract.product = ANY (rule.products))
"""

_REASON = f"""
    CASE WHEN contract.state = 'settled' OR (contract.state = 'open' AND contract.overdue_balance = 0)
            THEN '{Reason.PAID_IN_FULL}'
        WHEN contract.state <> 'open' THEN '{Reason.CLOSED}'
        ELSE '{Reason.NO_LONGER_ELIGIBLE}' END
"""

NEXT_STATE = f"""
    CASE WHEN placement.state = 'recall_pending' AND placement.final_on < {DAY} THEN 'recalled'
        WHEN placement.state = 'active' AND placement.ends_on < {DAY} THEN 'ended'
        WHEN placement.state = 'active' AND {_REASON} IS DISTINCT FROM placement.waived AND NOT EXISTS (
            SELECT FROM placement_rule rule WHERE rule.kind = placement.kind AND {RULE_HOLDS}) THEN 'recall_pending' END
"""
"""What a placement is to become now, by its dates and the rules; null when it stays as it is."""

NEXT_REASON = f"""
    CASE WHEN placement.state = 'recall_pending' THEN placement.reason
        WHEN placement.ends_on < {DAY} THEN '{Reason.TERM_OVER}'
        ELSE {_REASON} END
"""
"""Why it becomes its ``NEXT_STATE``."""

WANTED_BY = f"""
    contract.contract_number IS NOT NULL AND {RULE_HOLDS} AND NOT EXISTS (
        SELECT FROM placement
        WHERE placement.contract_id = contract.contract_id AND placement.kind = rule.kind AND {LIVE})
"""
"""Whether a rule wants the contract placed: it holds, and nobody has the contract for that kind of work."""
