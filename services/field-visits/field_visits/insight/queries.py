"""The statements behind the visits of a day and of a period. An index on the day bounds them."""

BUSINESS_DATE = "SELECT max(business_date) FROM portfolio"
LAST_DAY = "SELECT max(visit_on) FROM visit WHERE $1::uuid IS NULL OR agency_id = $1"
STATES = "SELECT state, count(*) AS visits FROM visit WHERE visit_on = $1 GROUP BY state"

KEYS = {"agency": "agency_id", "visitor": "visitor", "day": "visit_on"}
# The visits of the days $1 to $2, of the agency $3 or all.
VISITS = {
    by: f"""
SELECT {key} AS key, count(*) AS visits, count(*) FILTER (WHERE outcome IS NOT NULL) AS made,
    count(*) FILTER (WHERE attended_by = 'debtor' AND outcome IS NOT NULL) AS met,
    count(*) FILTER (WHERE attended_by = 'third_party' AND outcome IS NOT NULL) AS third_party,
    count(*) FILTER (WHERE attended_by = 'nobody' AND outcome IS NOT NULL) AS nobody,
    count(*) FILTER (WHERE outcome = 'refused') AS refused, count(*) FILTER (WHERE outcome = 'promise') AS promises,
    count(*) FILTER (WHERE state = 'cancelled') AS cancelled
FROM visit WHERE visit_on BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR agency_id = $3)
GROUP BY key ORDER BY key NULLS FIRST LIMIT 5000
"""
    for by, key in KEYS.items()
}
