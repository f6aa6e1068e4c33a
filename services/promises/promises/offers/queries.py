"""SQL of offers and their rules."""

_COLUMNS = "version, rules, pricing, actor ->> 'subject' AS put_by, created_at"
IN_FORCE = f"SELECT {_COLUMNS} FROM offer_rules ORDER BY version DESC LIMIT 1"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('offer rules', 0))"
PUT = f"INSERT INTO offer_rules (rules, pricing) VALUES ($1::jsonb, $2::jsonb) RETURNING {_COLUMNS}"
# The rules of a version, and when the next one replaced them.
VERSION = f"""
SELECT {_COLUMNS}, (SELECT min(later.created_at) FROM offer_rules AS later WHERE later.version > $1) AS replaced_at
FROM offer_rules WHERE version = $1
"""
# A sample of a portfolio's open contracts. Ids are hashes, so the first ones by id are drawn by lot.
SAMPLE = """
SELECT total_balance, days_past_due, stage, segment, product,
    least(greatest(contract.as_of, portfolio.business_date), ($2::timestamptz AT TIME ZONE portfolio.timezone)::date)
        AS made_on
FROM contract JOIN portfolio USING (portfolio_id)
WHERE portfolio_id = $1 AND contract.state = 'open' AND total_balance > 0
    AND contract.status NOT IN ('deceased', 'represented')
ORDER BY contract_id LIMIT $3
"""
KNOWS_PORTFOLIO = "SELECT EXISTS (SELECT FROM portfolio WHERE portfolio_id = $1)"
