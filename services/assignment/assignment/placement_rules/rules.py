"""The choice of the rule that places a contract, as SQL on the rows ``contract`` and ``rule``."""

HOLDS = """
    rule.ended_at IS NULL AND contract.state = 'open' AND contract.status NOT IN ('deceased', 'represented')
    AND (rule.stages IS NULL OR contract.stage = ANY (rule.stages))
    AND (rule.min_overdue IS NULL OR contract.overdue_balance > rule.min_overdue)
    AND (rule.segments IS NULL OR contract.segment = ANY (rule.segments))
    AND (rule.steps IS NULL OR contract.step = ANY (rule.steps))
    AND (rule.states IS NULL OR contract.region = ANY (rule.states))
    AND (rule.products IS NULL OR contract.product = ANY (rule.products))
    AND (rule.internal_attempts_min IS NULL OR (contract.own_attempts >= rule.internal_attempts_min
        AND contract.own_attempts_in >= coalesce(contract.episode, 0)))
    AND (rule.portfolio_ids IS NULL OR contract.portfolio_id = ANY (rule.portfolio_ids))
"""
"""Whether a rule holds for a contract.

The rule must not have ended. The contract must be open and meet all conditions that the rule gives. Nothing of a
deceased or represented debtor is placed.
"""

PRECEDENCE = "rule.priority, rule.rule_id"
"""The order of the rules of a kind that hold. The first rule decides, even when its agencies have no room."""
