"""The statements behind the promises of a day and the kept rates of a period. An index on the due day bounds them."""

BUSINESS_DATE = "SELECT max(business_date) FROM portfolio"
LAST_DUE_DAY = """
SELECT max(due_on) FROM promise
WHERE ($1::uuid IS NULL OR agency_id = $1) AND (due_on <= $2 OR state IN ('partly_kept', 'broken'))
"""
"""The last due day that is over: up to today's $2, or missed on a business date ahead of it. An agency may read it."""
_AMOUNT = "CASE WHEN count(DISTINCT currency) = 1 THEN sum(amount) END AS amount, min(currency) AS currency"
DUE = f"SELECT state, count(*) AS promises, {_AMOUNT} FROM promise WHERE due_on = $1 GROUP BY state"
LATE = f"SELECT count(*) AS promises, {_AMOUNT} FROM promise WHERE state = 'open' AND due_on < $1"

KEYS = {
    "agency": "agency_id",
    "agent": "actor ->> 'subject'",
    "segment": "segment",
    "week": "date_trunc('week', due_on)::date",
    "made_in": "made_in",
}


def outcomes(by: str, *, of_portfolio: bool) -> str:
    """SQL: the promises due from $1 to $2 of the agency $3 or all, by ``by``, and of the portfolio $4 where asked for.

    An agency may read neither who made a promise nor its portfolio.
    """
    return f"""
SELECT {KEYS[by]} AS key, currency, count(*) AS promises, count(*) FILTER (WHERE state = 'open') AS open,
    count(*) FILTER (WHERE state = 'kept') AS kept, count(*) FILTER (WHERE state = 'partly_kept') AS partly_kept,
    count(*) FILTER (WHERE state = 'broken') AS broken, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
    coalesce(sum(amount) FILTER (WHERE state IN ('kept', 'partly_kept', 'broken')), 0) AS promised,
    coalesce(sum(paid) FILTER (WHERE state IN ('kept', 'partly_kept', 'broken')), 0) AS paid
FROM promise
WHERE due_on BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR agency_id = $3)
    {"AND portfolio_id = $4" if of_portfolio else ""}
GROUP BY key, currency ORDER BY key NULLS FIRST, currency LIMIT 5000
"""
