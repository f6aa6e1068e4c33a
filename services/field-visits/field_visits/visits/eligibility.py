"""Why a contract may not be visited: written once, as SQL, for orders and for what cancels them.

The fragments expect the row aliases ``contract`` and ``visit`` (of which ``visit_on`` alone is read).
"""

REASON = """coalesce(
    (SELECT 'unknown_state' FROM set_aside WHERE set_aside.contract_id = contract.contract_id LIMIT 1),
    CASE WHEN contract.state <> 'open' THEN 'closed' END,
    CASE WHEN contract.status IN ('deceased', 'represented') THEN contract.status END,
    (SELECT 'clarification' FROM clarification dispute
        WHERE dispute.contract_id = contract.contract_id AND dispute.silent LIMIT 1),
    (SELECT 'paused' FROM pause
        WHERE pause.contract_id = contract.contract_id
            AND visit.visit_on BETWEEN pause.starts_on AND coalesce(pause.ends_on, 'infinity') LIMIT 1),
    (SELECT 'promise' FROM promise
        WHERE promise.contract_id = contract.contract_id
            AND promise.open AND promise.silent_until >= visit.visit_on LIMIT 1),
    CASE WHEN contract.overdue_balance <= 0 THEN 'nothing_overdue' END)"""
"""SQL: the reason to keep silent on the visit's day, as a ``CancelReason``; NULL when there is none."""

BUSINESS_DATE = "greatest(portfolio.business_date, contract.as_of)"

DAYS_PAST_DUE = f"""
    greatest(0, {BUSINESS_DATE} - contract.oldest_due_on - (
        SELECT coalesce(sum(greatest(0,
            least(coalesce(pause.ends_on, {BUSINESS_DATE}), {BUSINESS_DATE})
                - greatest(pause.starts_on, contract.oldest_due_on + 1) + 1)), 0)::integer
        FROM pause WHERE pause.contract_id = contract.contract_id))"""
"""SQL: days from the oldest unpaid due date to the business date, without the paused ones; NULL when none is unpaid."""

OPEN = "visit.state IN ('ordered', 'routed')"
