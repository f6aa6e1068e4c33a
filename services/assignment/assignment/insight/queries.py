"""The statements behind agencies side by side. Indexes on the days bound what is read.

$1 and $2 are the first and the last day, $3 the agency or null for all.
"""

_OF_AGENCY = "($3::uuid IS NULL OR agency_id = $3)"
LAST_DAY = "SELECT greatest(max(starts_on), max(ended_on)) FROM placement WHERE $1::uuid IS NULL OR agency_id = $1"
PLACEMENTS = f"""
SELECT agency_id, name, kind, sum(placed)::bigint AS placed, sum(recalled)::bigint AS recalled,
    sum(ended)::bigint AS ended
FROM (
    SELECT agency_id, kind, 1 AS placed, 0 AS recalled, 0 AS ended FROM placement
    WHERE starts_on BETWEEN $1 AND $2 AND {_OF_AGENCY}
    UNION ALL
    SELECT agency_id, kind, 0, (state = 'recalled')::integer, (state = 'ended')::integer FROM placement
    WHERE ended_on BETWEEN $1 AND $2 AND {_OF_AGENCY}
) AS each JOIN agency USING (agency_id)
GROUP BY agency_id, name, kind ORDER BY name, agency_id, kind LIMIT 5000
"""
RECALLS = f"""
SELECT agency_id, name, kind, reason, count(*) AS recalled
FROM placement JOIN agency USING (agency_id)
WHERE ended_on BETWEEN $1 AND $2 AND state = 'recalled' AND {_OF_AGENCY}
GROUP BY agency_id, name, kind, reason ORDER BY name, agency_id, kind, reason LIMIT 5000
"""
COMMISSIONS = f"""
SELECT agency_id, name, kind, currency, count(*) FILTER (WHERE amount > 0) AS payments, sum(base) AS recovered,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS earned,
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS reversed
FROM agency CROSS JOIN LATERAL (
    SELECT kind, currency, base, amount FROM commission
    WHERE commission.agency_id = agency.agency_id AND earned_on BETWEEN $1 AND $2
    UNION ALL
    SELECT kind, currency, -base, -amount FROM commission
    WHERE commission.agency_id = agency.agency_id AND reversed_on BETWEEN $1 AND $2
) AS item
WHERE {_OF_AGENCY}
GROUP BY agency_id, name, kind, currency ORDER BY name, agency_id, kind, currency LIMIT 5000
"""
WAITING = """
SELECT count(*) FILTER (WHERE state = 'recall_pending') AS recall_pending,
    count(*) FILTER (WHERE state = 'objected') AS objected
FROM placement WHERE state IN ('recall_pending', 'objected')
"""
