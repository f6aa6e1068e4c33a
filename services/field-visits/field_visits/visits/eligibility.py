"""Why a contract may not be visited on a day: written once, as SQL, for orders and for what cancels them."""

from projections import silence

REASON = f"""coalesce({silence.ALWAYS},{silence.on_day("visit.visit_on")},
    CASE WHEN contract.overdue_balance <= 0 THEN 'nothing_overdue' END)"""
"""SQL: the reason to keep silent on the day of the row ``visit``, as a ``CancelReason``; NULL when there is none.

Of ``visit`` only ``visit_on`` is read; ``contract`` is the row of its contract.
"""
