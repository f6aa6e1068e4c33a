"""The statements of contact points. Those that write need the rows of the debtors or contracts locked."""

from portfolio.debtors.queries import MEMBER
from portfolio.debtors.rules import Medium

_MEDIA = ", ".join(f"'{medium}'" for medium in Medium)


# Keeps what is stated, with the debtor of whom it is stated. What takes a mark back takes it back for the whole person.
# $1 debtors, no person twice, $2 kinds, $3 values, $4 changes, $5 media
KEEP_MARKS = f"""
WITH given AS MATERIALIZED (
    SELECT given.*, person_id
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS given (debtor_id, kind, value, change, medium)
    JOIN debtor USING (debtor_id)
), stated AS (
    SELECT debtor_id, kind, value, change, medium FROM given
    UNION ALL
    SELECT mark.debtor_id, mark.kind, mark.value, change, medium
    FROM given JOIN debtor AS member USING (person_id) JOIN debtor_contact_mark AS mark
        ON mark.debtor_id = member.debtor_id AND mark.kind = given.kind AND mark.value = given.value
    WHERE member.debtor_id <> given.debtor_id AND given.change IN ('verified', 'opt_out_withdrawn')
)
INSERT INTO debtor_contact_mark (debtor_id, kind, value, own_invalid, own_opted_out, own_media)
SELECT debtor_id, kind, value,
    CASE WHEN change IN ('invalid', 'verified') THEN change = 'invalid' ELSE known.invalid END,
    CASE change WHEN 'opt_out_withdrawn' THEN false
        ELSE known.opted_out OR change = 'opted_out' AND medium IS NULL END,
    CASE
        WHEN change = 'opted_out' AND medium IS NOT NULL AND NOT medium = ANY(known.media) THEN known.media || medium
        WHEN change = 'opt_out_withdrawn' AND medium IS NULL THEN '{{}}'
        WHEN change = 'opt_out_withdrawn' THEN array_remove(
            CASE WHEN known.opted_out THEN ARRAY[{_MEDIA}] ELSE known.media END, medium)
        ELSE known.media END
FROM stated CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(coalesce(own_invalid, invalid)), false) AS invalid,
        coalesce(bool_or(coalesce(own_opted_out, opted_out)), false) AS opted_out,
        coalesce(max(coalesce(own_media, media)), '{{}}') AS media
    FROM debtor_contact_mark AS mark
    WHERE mark.debtor_id = stated.debtor_id AND mark.kind = stated.kind AND mark.value = stated.value
) AS known
ON CONFLICT (debtor_id, kind, value) DO UPDATE SET own_invalid = excluded.own_invalid,
    own_opted_out = excluded.own_opted_out, own_media = excluded.own_media
"""
# Whatever was stated of one debtor of a person holds for all of them, and on all their contracts.
# $1 debtors, $2 kinds, $3 values, or null for all marks; $4 the contact points that are verified now.
SPREAD_MARKS = f"""
WITH {MEMBER}, stated AS MATERIALIZED (
    SELECT person, debtor_id, kind, value, coalesce(own_invalid, invalid) AS invalid,
        coalesce(own_opted_out, opted_out) AS opted_out, coalesce(own_media, media) AS media
    FROM member JOIN debtor_contact_mark USING (debtor_id)
    WHERE $2::text[] IS NULL OR (kind, value) IN (SELECT * FROM unnest($2::text[], $3::text[]))
), holds AS (
    SELECT person, kind, value, bool_or(invalid) AS invalid, bool_or(opted_out) AS opted_out,
        coalesce(array_agg(DISTINCT medium ORDER BY medium) FILTER (WHERE medium IS NOT NULL), '{{}}') AS media
    FROM stated LEFT JOIN LATERAL unnest(media) AS medium ON true GROUP BY person, kind, value
), next AS MATERIALIZED (
    SELECT member.debtor_id, holds.*, coalesce(own.invalid, false) AS own_invalid,
        coalesce(own.opted_out, false) AS own_opted_out, coalesce(own.media, '{{}}') AS own_media
    FROM member JOIN holds USING (person)
    LEFT JOIN stated AS own ON own.debtor_id = member.debtor_id AND own.kind = holds.kind AND own.value = holds.value
), marked AS (
    INSERT INTO debtor_contact_mark AS mark
        (debtor_id, kind, value, invalid, opted_out, media, own_invalid, own_opted_out, own_media)
    SELECT debtor_id, kind, value, invalid, opted_out, media, nullif(own_invalid, invalid),
        nullif(own_opted_out, opted_out), nullif(own_media, media)
    FROM next
    ON CONFLICT (debtor_id, kind, value) DO UPDATE SET invalid = excluded.invalid, opted_out = excluded.opted_out,
        media = excluded.media, own_invalid = excluded.own_invalid, own_opted_out = excluded.own_opted_out,
        own_media = excluded.own_media
), point AS (
    SELECT contact_id, next.*,
        (point.verified OR contact_id = ANY($4::uuid[])) AND NOT next.invalid AS verified
    FROM next JOIN contract USING (debtor_id)
    JOIN contact_point AS point
        ON point.contract_id = contract.contract_id AND point.kind = next.kind AND point.value = next.value
)
UPDATE contact_point AS known
SET verified = point.verified, invalid = point.invalid, opted_out = point.opted_out, media = point.media
FROM point
WHERE known.contact_id = point.contact_id
    AND (known.verified, known.invalid, known.opted_out, known.media)
        IS DISTINCT FROM (point.verified, point.invalid, point.opted_out, point.media)
RETURNING known.*, point.person
"""
SET_VERSIONS = """
UPDATE contact_point AS point SET version = given.version
FROM unnest($1::uuid[], $2::bigint[]) AS given (contact_id, version) WHERE point.contact_id = given.contact_id
"""
_OF_ANYBODY = """(
    SELECT contact_id, contract_id, kind, value FROM contact_point
    UNION ALL SELECT contact_id, contract_id, kind, value FROM party_contact_point) AS point"""
"""SQL: the contact points of debtors and those of parties."""
CONTRACT_OF = f"SELECT contract_id FROM {_OF_ANYBODY} WHERE contact_id = $1 AND value <> ''"
HELD_BY = f"""
SELECT contact_id, contract_id, debtor_id, coalesce(person_id, debtor_id) AS person, kind, value
FROM {_OF_ANYBODY} JOIN contract USING (contract_id) JOIN debtor USING (debtor_id)
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
ERASED = "SELECT contract_id FROM contract WHERE contract_id = ANY($1::uuid[]) AND erased_at IS NOT NULL"
# The address is the first of the contract, as in the contract's events.
PLACES = """
SELECT contract_id, jurisdiction, address.state, address.postal_code, address.city
FROM contract JOIN portfolio USING (portfolio_id)
LEFT JOIN LATERAL (
    SELECT address.state, address.postal_code, address.city FROM address
    WHERE address.contract_id = contract.contract_id ORDER BY kind, address_id LIMIT 1) AS address ON true
WHERE contract_id = ANY($1::uuid[]) AND erased_at IS NULL
"""
KNOWN = "SELECT contact_id FROM contact_point WHERE contract_id = $1 AND kind = $2 AND value = $3"

_SHOWN = """contact_id, contract_id, kind, value, provenance, timezone, dialable, verified, invalid, opted_out,
    media AS refused_media, permitted, usable"""
READ = f"""
SELECT {_SHOWN}, NULL::uuid AS party_id FROM contact_point WHERE contact_id = $1
UNION ALL SELECT {_SHOWN}, party_id FROM party_contact_point WHERE contact_id = $1 AND value <> ''
"""
