"""Why a contract may not be visited on a day: one SQL expression for ordering and cancelling."""

from projections import silence

REASON = f"""(
    SELECT CASE silenced.reason WHEN 'payment_claimed' THEN 'payment' ELSE silenced.reason END
    FROM (SELECT coalesce({silence.always("visit.visit_on")},{silence.on_day("visit.visit_on")},
        CASE WHEN contract.overdue_balance <= 0 THEN 'nothing_overdue' END) AS reason) AS silenced)"""
"""SQL: the reason for silence on the day of the row ``visit``, as a ``CancelReason``; NULL when there is none.

The expression reads only ``visit_on`` of the row ``visit``, and the row ``contract``.
"""
