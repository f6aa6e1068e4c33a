"""The statements of placement rules and of their shares, which divide contracts among agencies."""

from chassis.paging import both_orders

COUNT = "SELECT count(*) FROM placement_rule WHERE ended_at IS NULL"
CREATE = """
INSERT INTO placement_rule
    (name, priority, kind, stages, min_overdue, segments, steps, states, products, portfolio_ids,
    internal_attempts_min)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING rule_id
"""
CREATE_SHARES = "INSERT INTO share (rule_id, agency_id, weight) SELECT $1, * FROM unnest($2::uuid[], $3::integer[])"
_RULE = """
SELECT rule.*, (
    SELECT json_agg(json_build_object('agency_id', agency_id, 'weight', weight) ORDER BY agency_id)
    FROM share WHERE share.rule_id = rule.rule_id) AS shares
FROM placement_rule rule
"""
RULE = f"{_RULE} WHERE rule_id = $1"
RULES = both_orders(f"""
{_RULE} WHERE $1::timestamptz IS NULL OR (created_at, rule_id) {{beyond}} ($1, $2)
ORDER BY created_at {{order}}, rule_id {{order}} LIMIT $3
""")
END = """
UPDATE placement_rule SET ended_at = now(), end_actor = nullif(current_setting('app.actor', true), '')::jsonb
WHERE rule_id = $1 AND ended_at IS NULL RETURNING rule_id
"""
