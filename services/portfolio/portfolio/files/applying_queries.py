"""The statements that apply a file. Each works on a whole chunk of contracts."""

from portfolio.files.landing_queries import UNNAMED
from portfolio.ledger.whole_queries import NEXT_VERSION

CHUNK = """
SELECT contract_number, contract_id, debtor_id, incomplete FROM file_contract
WHERE file_id = $1 AND ($2::text IS NULL OR contract_number > $2)
ORDER BY contract_number LIMIT $3
"""
APPLIED_TO = "UPDATE file SET applied_to = $2, attempts = 0 WHERE file_id = $1"
ADD_DEBTORS = """
INSERT INTO debtor (debtor_id, creditor_id, debtor_number)
SELECT DISTINCT ON (debtor_id) debtor_id, $3::uuid, debtor_number
FROM file_contract WHERE file_id = $1 AND contract_id = ANY($2::uuid[]) AND debtor_id IS NOT NULL
ORDER BY debtor_id
ON CONFLICT (debtor_id) DO NOTHING
"""
LOCK_DEBTORS = "SELECT FROM debtor WHERE debtor_id = ANY($1::uuid[]) ORDER BY debtor_id FOR SHARE"
LOCK_CONTRACTS = """
SELECT contract_id, state FROM contract WHERE contract_id = ANY($1::uuid[]) ORDER BY contract_id FOR UPDATE
"""
# $1 file, $2 contracts, $3 portfolio, $4 creditor, $5 business date, $6 as_of of the file
REGISTER = """
INSERT INTO contract (contract_id, portfolio_id, creditor_id, debtor_id, contract_number, incomplete, product,
    debtor_name, debtor_kind, tax_id, as_of, stated_as_of, file_id)
SELECT contract_id, $3, $4, debtor_id, contract_number, incomplete, product, debtor_name, debtor_kind, tax_id,
    $5, $6, file_id
FROM file_contract WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
ORDER BY contract_id
"""
REVISE = """
UPDATE contract SET debtor_id = stated.debtor_id, incomplete = false, product = stated.product,
    debtor_name = stated.debtor_name, debtor_kind = stated.debtor_kind, tax_id = stated.tax_id, state = 'open',
    stated_as_of = $3, file_id = $1
FROM file_contract AS stated
WHERE stated.file_id = $1 AND stated.contract_id = contract.contract_id AND contract.contract_id = ANY($2::uuid[])
"""
FLAG_INCOMPLETE = """
UPDATE contract SET incomplete = true WHERE contract_id = ANY($1::uuid[]) AND NOT incomplete RETURNING contract_id
"""
DELETE_INSTALMENTS = "DELETE FROM instalment WHERE contract_id = ANY($1::uuid[])"
ADD_INSTALMENTS = """
INSERT INTO instalment (contract_id, number, due_on, amount, unpaid)
SELECT stated.contract_id, file_row.instalment_number, file_row.due_on, file_row.amount, file_row.amount
FROM file_contract AS stated JOIN file_row USING (file_id, contract_number)
WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
"""
ABSORB_PAYMENTS = """
UPDATE payment SET absorbed_by = $1
WHERE contract_id = ANY($2::uuid[]) AND paid_on <= $3 AND absorbed_by IS NULL AND reversed_at IS NULL
"""
STILL_PAYING = """
SELECT DISTINCT contract_id FROM payment
WHERE contract_id = ANY($1::uuid[]) AND absorbed_by IS NULL AND reversed_at IS NULL
"""
# The debtor's marks on a phone or e-mail hold on every contract of the debtor. A contact point that returns in a later
# file keeps its marks.
PUT_CONTACT_POINTS = f"""
INSERT INTO contact_point (contact_id, contract_id, kind, value, dialable, provenance, timezone, rank,
    invalid, opted_out, media, version)
SELECT stated.contact_id, stated.contract_id, stated.kind, stated.value, stated.dialable, 'creditor',
    stated.timezone, stated.rank, coalesce(mark.invalid, false), coalesce(mark.opted_out, false),
    coalesce(mark.media, '{{}}'), {NEXT_VERSION}
FROM file_contact AS stated
JOIN contract USING (contract_id)
LEFT JOIN debtor_contact_mark AS mark
    ON mark.debtor_id = contract.debtor_id AND mark.kind = stated.kind AND mark.value = stated.value
WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
ON CONFLICT (contract_id, kind, value) DO UPDATE SET current = true,
    dialable = excluded.dialable, timezone = excluded.timezone, rank = excluded.rank,
    invalid = contact_point.invalid OR excluded.invalid,
    opted_out = contact_point.opted_out OR excluded.opted_out,
    media = ARRAY(SELECT DISTINCT medium FROM unnest(contact_point.media || excluded.media) AS medium ORDER BY medium),
    version = excluded.version, permitted = true,
    provenance = CASE WHEN contact_point.permitted THEN contact_point.provenance ELSE excluded.provenance END
WHERE NOT contact_point.current OR NOT contact_point.permitted OR contact_point.dialable <> excluded.dialable
    OR contact_point.timezone IS DISTINCT FROM excluded.timezone OR contact_point.rank <> excluded.rank
    OR excluded.invalid > contact_point.invalid OR excluded.opted_out > contact_point.opted_out
    OR NOT excluded.media <@ contact_point.media
"""
RETIRE_CONTACT_POINTS = f"""
UPDATE contact_point SET current = false, version = {NEXT_VERSION}
FROM contract
WHERE contact_point.contract_id = ANY($2::uuid[]) AND contract.contract_id = contact_point.contract_id
    AND contact_point.current AND contact_point.provenance = 'creditor'
    AND NOT EXISTS (SELECT FROM file_contact AS stated WHERE stated.file_id = $1
        AND stated.contract_id = contact_point.contract_id
            AND stated.kind = contact_point.kind AND stated.value = contact_point.value)
"""
DELETE_ADDRESSES = """
DELETE FROM address
WHERE contract_id = ANY($2::uuid[]) AND NOT EXISTS (
    SELECT FROM file_address AS stated WHERE stated.file_id = $1
        AND stated.contract_id = address.contract_id AND stated.address_id = address.address_id)
"""
_PLACE = "{0}.street, {0}.exterior, {0}.interior, {0}.neighbourhood, {0}.postal_code, {0}.city, {0}.state"
_SAME_PLACE = f"({_PLACE.format('known')}) IS NOT DISTINCT FROM ({_PLACE.format('excluded')})"
# A visitor's verdict holds as long as files state the same place.
ADD_ADDRESSES = f"""
INSERT INTO address AS known (address_id, contract_id, kind, street, exterior, interior, neighbourhood, postal_code,
    city, state, country, irregular_numbering, issues)
SELECT address_id, contract_id, kind, street, exterior, interior, neighbourhood, postal_code, city, state, $3,
    irregular_numbering, string_to_array(coalesce(issues, ''), ' ')
FROM file_address WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
ON CONFLICT (address_id) DO UPDATE SET
    street = excluded.street, exterior = excluded.exterior, interior = excluded.interior,
    neighbourhood = excluded.neighbourhood, postal_code = excluded.postal_code, city = excluded.city,
    state = excluded.state, country = excluded.country, irregular_numbering = excluded.irregular_numbering,
    verdict = CASE WHEN {_SAME_PLACE} THEN known.verdict END, authorised = known.authorised OR NOT {_SAME_PLACE},
    issues = excluded.issues
        || CASE WHEN {_SAME_PLACE} AND known.verdict = 'wrong' THEN ARRAY['wrong_address'] ELSE '{{}}' END
"""
LOCK_UNNAMED = f"""
SELECT contract_id FROM contract WHERE {UNNAMED} ORDER BY contract_id LIMIT $3 FOR UPDATE
"""
WITHDRAW = "UPDATE contract SET state = 'withdrawn' WHERE contract_id = ANY($1::uuid[])"
MADE_PROGRESS = "UPDATE file SET attempts = 0 WHERE file_id = $1"
LOADED = """
UPDATE file SET status = 'loaded', finished_at = clock_timestamp() WHERE file_id = $1
RETURNING extract(epoch FROM finished_at - received_at)::float8
"""
"""Returns the seconds since the upload."""
