"""The statements of contact points. Those that write need the rows of the debtors or contracts locked."""

from portfolio.debtors.rules import Medium

_MEDIA = ", ".join(f"'{medium}'" for medium in Medium)


def _opted_out(row: str) -> str:
    """SQL: whether the debtor refuses every medium after the change ``given``."""
    return f"""CASE given.change WHEN 'opt_out_withdrawn' THEN false
            ELSE {row}.opted_out OR given.change = 'opted_out' AND given.medium IS NULL END"""


def _media(row: str) -> str:
    """SQL: the single media that the debtor refuses after the change ``given``."""
    return f"""CASE
            WHEN given.change = 'opted_out' AND given.medium IS NOT NULL AND NOT given.medium = ANY({row}.media)
                THEN {row}.media || given.medium
            WHEN given.change = 'opt_out_withdrawn' AND given.medium IS NULL THEN '{{}}'
            WHEN given.change = 'opt_out_withdrawn' THEN array_remove(
                CASE WHEN {row}.opted_out THEN ARRAY[{_MEDIA}] ELSE {row}.media END, given.medium)
            ELSE {row}.media END"""


# $1 debtors, $2 kinds, $3 values, $4 contacts, $5 changes, $6 media; no debtor twice.
CHANGE = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[])
        AS given (debtor_id, kind, value, contact_id, change, medium)
), marked AS (
    INSERT INTO debtor_contact_mark (debtor_id, kind, value, invalid, opted_out, media)
    SELECT debtor_id, kind, value,
        CASE WHEN given.change IN ('invalid', 'verified') THEN given.change = 'invalid' ELSE mark.invalid END,
        {_opted_out("mark")}, {_media("mark")}
    FROM given CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(invalid), false) AS invalid, coalesce(bool_or(opted_out), false) AS opted_out,
            coalesce(max(media), '{{}}') AS media
        FROM debtor_contact_mark AS known
        WHERE known.debtor_id = given.debtor_id AND known.kind = given.kind AND known.value = given.value
    ) AS mark
    ON CONFLICT (debtor_id, kind, value) DO UPDATE SET
        invalid = excluded.invalid, opted_out = excluded.opted_out, media = excluded.media
), next AS (
    SELECT point.contact_id, given.debtor_id,
        (point.verified OR given.change = 'verified' AND point.contact_id = given.contact_id)
            AND given.change <> 'invalid' AS verified,
        CASE given.change WHEN 'invalid' THEN true WHEN 'verified' THEN false ELSE point.invalid END AS invalid,
        {_opted_out("point")} AS opted_out, {_media("point")} AS media
    FROM given JOIN contract USING (debtor_id)
    JOIN contact_point AS point
        ON point.contract_id = contract.contract_id AND point.kind = given.kind AND point.value = given.value
)
UPDATE contact_point AS point
SET verified = next.verified, invalid = next.invalid, opted_out = next.opted_out, media = next.media
FROM next
WHERE point.contact_id = next.contact_id
    AND (point.verified, point.invalid, point.opted_out, point.media)
        IS DISTINCT FROM (next.verified, next.invalid, next.opted_out, next.media)
RETURNING point.*, next.debtor_id
"""
SET_VERSIONS = """
UPDATE contact_point AS point SET version = given.version
FROM unnest($1::uuid[], $2::bigint[]) AS given (contact_id, version) WHERE point.contact_id = given.contact_id
"""
CONTRACT_OF = "SELECT contract_id FROM contact_point WHERE contact_id = $1"
HELD_BY = """
SELECT contact_id, contract_id, debtor_id, kind, value FROM contact_point JOIN contract USING (contract_id)
WHERE contact_id = ANY($1::uuid[])
"""
_IS_FULL = """(
    (SELECT count(*) FROM contact_point AS held WHERE held.contract_id = given.contract_id AND held.current) >= $7
    AND NOT EXISTS (SELECT FROM contact_point AS held WHERE held.contract_id = given.contract_id AND held.current
        AND held.kind = given.kind AND held.value = given.value))"""
# $1 contact points, $2 contracts, none twice, $3 kinds, $4 values, $5 provenances, $6 whether each is permitted,
# $7 the number of current contact points with which a contract is full, $8 time zones.
ADD = f"""
INSERT INTO contact_point AS point (contact_id, contract_id, kind, value, dialable, provenance, permitted, timezone,
    rank, invalid, opted_out, media, version)
SELECT given.contact_id, given.contract_id, given.kind, given.value, given.kind = 'phone', given.provenance,
    given.permitted, given.timezone,
    (SELECT coalesce(max(rank), -1) + 1 FROM contact_point known WHERE known.contract_id = given.contract_id),
    coalesce(mark.invalid, false), coalesce(mark.opted_out, false), coalesce(mark.media, '{{}}'), 0
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::boolean[], $8::text[])
    AS given (contact_id, contract_id, kind, value, provenance, permitted, timezone)
JOIN contract USING (contract_id)
LEFT JOIN debtor_contact_mark AS mark
    ON mark.debtor_id = contract.debtor_id AND mark.kind = given.kind AND mark.value = given.value
WHERE NOT {_IS_FULL}
ON CONFLICT (contract_id, kind, value) DO UPDATE
    SET current = true, provenance = excluded.provenance, permitted = excluded.permitted,
        rank = CASE WHEN point.current THEN point.rank ELSE excluded.rank END
    WHERE NOT point.current OR excluded.permitted > point.permitted
RETURNING point.*
"""
FULL = f"""
SELECT contract_id FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::boolean[])
    AS given (contact_id, contract_id, kind, value, provenance, permitted)
WHERE {_IS_FULL}
"""
# $1 contracts, $2 their visits. The line of what is being applied is written already.
FOUND = """
SELECT given.contract_id,
    count(*) FILTER (WHERE line.business_date = coalesce(portfolio.business_date, contract.as_of)) AS of_day,
    count(*) FILTER (WHERE line.data ->> 'visit_id' = given.visit_id::text) AS of_visit
FROM unnest($1::uuid[], $2::uuid[]) AS given (contract_id, visit_id)
JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
JOIN contract_history AS line ON line.contract_id = given.contract_id AND line.kind = 'contact_data_collected'
GROUP BY given.contract_id
"""
# The address is the first of the contract, as in the contract's events.
PLACES = """
SELECT contract_id, jurisdiction, address.state, address.postal_code, address.city
FROM contract JOIN portfolio USING (portfolio_id)
LEFT JOIN LATERAL (
    SELECT address.state, address.postal_code, address.city FROM address
    WHERE address.contract_id = contract.contract_id ORDER BY kind, address_id LIMIT 1) AS address ON true
WHERE contract_id = ANY($1::uuid[])
"""
KNOWN = "SELECT contact_id FROM contact_point WHERE contract_id = $1 AND kind = $2 AND value = $3"

READ = "SELECT *, media AS refused_media FROM contact_point WHERE contact_id = $1"
