"""The statements of parties: the people besides the debtor, and their phones and e-mails.

Those that write need the rows of the contracts locked, and the numbers of the creditor's parties before them.
"""

from portfolio.debtors.queries import MEMBER
from portfolio.ledger.whole_queries import PARTY_JSON

_NUMBERS = "hashtextextended('numbers of parties of ' || creditor_id, 0)"
"""SQL: what stands for the numbers of all parties of a creditor. What one party says of a number holds for it in all
contracts. So nobody adds a number while somebody says something of one. The lock is taken before those of rows."""
# $1 contracts
SHARE_NUMBERS = f"""
SELECT pg_advisory_xact_lock_shared({_NUMBERS})
FROM (SELECT DISTINCT creditor_id FROM contract WHERE contract_id = ANY($1::uuid[]) ORDER BY creditor_id) AS theirs
"""
SHARE_NUMBERS_OF = f"SELECT pg_advisory_xact_lock_shared({_NUMBERS}) FROM (SELECT $1::uuid AS creditor_id) AS theirs"
# $1 contact points; those of debtors lock nothing
LOCK_NUMBERS = f"""
SELECT pg_advisory_xact_lock({_NUMBERS})
FROM (SELECT DISTINCT creditor_id FROM party_contact_point JOIN contract USING (contract_id)
    WHERE contact_id = ANY($1::uuid[]) ORDER BY creditor_id) AS theirs
"""
# The same phone or e-mail as that of the party's contact points $1, of any party of the creditor.
SAME_NUMBERS = """
SELECT known.contact_id AS of_contact_id, other.contact_id, other.contract_id
FROM party_contact_point AS known JOIN contract USING (contract_id)
JOIN party_contact_point AS other ON other.value = known.value AND other.kind = known.kind
JOIN contract AS theirs ON theirs.contract_id = other.contract_id AND theirs.creditor_id = contract.creditor_id
WHERE known.contact_id = ANY($1::uuid[]) AND known.value <> '' AND other.contact_id <> known.contact_id
ORDER BY other.contract_id, other.contact_id
"""

_POINTS = """
coalesce((SELECT jsonb_agg(to_jsonb(point) ORDER BY rank, contact_id) FROM (
    SELECT contact_id, kind, value, provenance, timezone, dialable, verified, invalid, opted_out,
        media AS refused_media, permitted, usable, rank
    FROM party_contact_point WHERE party_contact_point.party_id = party.party_id AND current) AS point), '[]')
"""
PARTY_VIEW = f"""
jsonb_build_object('party_id', party_id, 'contract_id', party.contract_id, 'role', party.role, 'name', party.name,
    'tax_id', party.tax_id, 'language', party.language, 'known_since', party.known_since, 'actor', party.actor,
    'contact_points', {_POINTS})
"""
"""SQL: the row ``party`` as answers carry it."""
_READ = f"""
SELECT {PARTY_VIEW} AS party, portfolio.jurisdiction, debtor.status
FROM party JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id) JOIN debtor USING (debtor_id)
"""
READ = f"{_READ} WHERE party_id = $1 AND party.current"
OF_CONTRACT = f"{_READ} WHERE party.contract_id = $1 AND party.current ORDER BY party.role, party_id"
KNOWN_CONTRACT = "SELECT true FROM contract WHERE contract_id = $1"
CONTRACT_OF = "SELECT contract_id FROM party WHERE party_id = $1 AND current"
# $1 contract, $2 a party that does not count, $3 role, $4 id, $5 tax id
LIKE = """
SELECT count(*) AS parties,
    (array_agg(party_id) FILTER (WHERE role = $3 AND (party_id = $4 OR tax_id_key(tax_id) = tax_id_key($5::text))))[1]
        AS known
FROM party WHERE contract_id = $1 AND current AND party_id IS DISTINCT FROM $2
"""
# $1 id, $2 contract, $3 role, $4 name, $5 tax id, $6 language
PUT = """
INSERT INTO party (party_id, contract_id, role, name, tax_id, language, version) VALUES ($1, $2, $3, $4, $5, $6, 0)
ON CONFLICT (party_id) DO UPDATE SET role = excluded.role, name = excluded.name, tax_id = excluded.tax_id,
    language = excluded.language, of_file = false, current = true, actor = excluded.actor
"""
# Earlier marks of the number hold for it: those of the debtor, and those of any party of the creditor.
MARKS = """
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(invalid), false) AS invalid, coalesce(bool_or(opted_out), false) AS opted_out,
        coalesce(array_agg(DISTINCT medium ORDER BY medium) FILTER (WHERE medium IS NOT NULL), '{}') AS media
    FROM (
        SELECT invalid, opted_out, media FROM debtor_contact_mark AS mark
        WHERE mark.debtor_id = contract.debtor_id AND mark.kind = given.kind AND mark.value = given.value
        UNION ALL
        SELECT invalid, opted_out, media FROM party_contact_point AS other JOIN contract AS theirs USING (contract_id)
        WHERE other.kind = given.kind AND other.value = given.value AND theirs.creditor_id = contract.creditor_id
    ) AS mark LEFT JOIN LATERAL unnest(media) AS medium ON true
) AS said
"""
# $1 party, $2 ids, $3 kinds, $4 values, $5 provenances, $6 whether each is permitted, $7 time zones
PUT_POINTS = f"""
INSERT INTO party_contact_point (contact_id, party_id, contract_id, kind, value, dialable, provenance, permitted,
    timezone, rank, invalid, opted_out, media)
SELECT given.contact_id, party.party_id, party.contract_id, given.kind, given.value, given.kind = 'phone',
    given.provenance, given.permitted, given.timezone, given.n - 1, said.invalid, said.opted_out, said.media
FROM party JOIN contract USING (contract_id) CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::text[],
    $6::boolean[], $7::text[]) WITH ORDINALITY AS given (contact_id, kind, value, provenance, permitted, timezone, n)
{MARKS}
WHERE party.party_id = $1
ON CONFLICT (contact_id) DO UPDATE SET current = true, value = excluded.value, provenance = excluded.provenance,
    permitted = excluded.permitted, dialable = excluded.dialable, rank = excluded.rank, of_file = false,
    invalid = excluded.invalid, opted_out = excluded.opted_out, media = excluded.media
"""
RETIRE_POINTS = """
UPDATE party_contact_point SET current = false WHERE party_id = $1 AND current AND contact_id <> ALL($2::uuid[])
"""
# The marks of the numbers of these contracts' parties are kept with the debtors too, so that they stay in force.
REMEMBER_MARKS = """
INSERT INTO debtor_contact_mark AS mark (debtor_id, kind, value, invalid, opted_out, media)
SELECT contract.debtor_id, point.kind, point.value, bool_or(point.invalid), bool_or(point.opted_out),
    coalesce(array_agg(DISTINCT medium ORDER BY medium) FILTER (WHERE medium IS NOT NULL), '{}')
FROM party_contact_point AS point JOIN contract USING (contract_id) LEFT JOIN LATERAL unnest(media) AS medium ON true
WHERE contract_id = ANY($1::uuid[]) AND (invalid OR opted_out OR media <> '{}') AND point.value <> ''
GROUP BY contract.debtor_id, point.kind, point.value
ON CONFLICT (debtor_id, kind, value) DO UPDATE SET
    invalid = mark.invalid OR excluded.invalid, opted_out = mark.opted_out OR excluded.opted_out,
    media = ARRAY(SELECT DISTINCT medium FROM unnest(mark.media || excluded.media) AS medium ORDER BY medium),
    own_invalid = NULL, own_opted_out = NULL, own_media = NULL
WHERE excluded.invalid > mark.invalid OR excluded.opted_out > mark.opted_out OR NOT excluded.media <@ mark.media
"""
# A removed party is nobody: its rows stay without what they said, because calls to it may still be reported.
REMOVE = """
WITH erased AS (
    UPDATE party_contact_point SET value = '', current = false, timezone = NULL WHERE party_id = $1
)
UPDATE party SET name = NULL, tax_id = NULL, language = NULL, current = false, of_file = false WHERE party_id = $1
"""
# $1 parties, $2 versions
SET_VERSIONS = """
UPDATE party SET version = given.version
FROM unnest($1::uuid[], $2::bigint[]) AS given (party_id, version) WHERE party.party_id = given.party_id
"""
PARTIES = f"SELECT party_id, contract_id, {PARTY_JSON} AS party FROM party WHERE party_id = ANY($1::uuid[])"

# After the marks of these debtors' people have been spread: the numbers of the parties of their contracts follow.
# $1 debtors, $2 kinds, $3 values, or null for all marks, $4 the contact points that are verified now
SPREAD_MARKS = f"""
WITH {MEMBER}, held AS MATERIALIZED (
    SELECT point.contact_id, person, mark.invalid, mark.opted_out, mark.media,
        (point.verified OR point.contact_id = ANY($4::uuid[])) AND NOT mark.invalid AS verified
    FROM member JOIN contract USING (debtor_id)
    JOIN party_contact_point AS point USING (contract_id)
    JOIN debtor_contact_mark AS mark
        ON mark.debtor_id = member.debtor_id AND mark.kind = point.kind AND mark.value = point.value
    WHERE $2::text[] IS NULL OR (point.kind, point.value) IN (SELECT * FROM unnest($2::text[], $3::text[]))
)
UPDATE party_contact_point AS known
SET verified = held.verified, invalid = held.invalid, opted_out = held.opted_out, media = held.media
FROM held
WHERE known.contact_id = held.contact_id AND (known.verified, known.invalid, known.opted_out, known.media)
    IS DISTINCT FROM (held.verified, held.invalid, held.opted_out, held.media)
RETURNING known.contact_id, known.party_id, known.contract_id, known.current, known.invalid, known.opted_out,
    known.media, held.person
"""
