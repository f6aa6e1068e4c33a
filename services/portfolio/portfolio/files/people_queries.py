"""The statements for contracts that a file gives to another customer. Each works on a whole chunk of contracts."""

from portfolio.files.findings import listing
from portfolio.ledger.whole_queries import NEXT_VERSION

OF_ANOTHER_PERSON = "(stated.debtor_number IS NOT NULL AND stated.debtor_id <> contract.debtor_id)"
"""SQL: the file gives the contract to another customer. A row without a customer number leaves it with its debtor."""

# $1 file, $2 contracts
MOVES = f"""
SELECT contract.contract_id, contract.debtor_id AS from_debtor_id, stated.debtor_id AS to_debtor_id,
    coalesce(debtor.debtor_number, 'no customer number') || ' (' || debtor.status || ')' AS known, debtor.status,
    stated.debtor_number AS stated, contract.undecided_by,
    debtor.person_id IS NOT NULL AND debtor.person_id = next.person_id AS stays
FROM file_contract AS stated JOIN contract USING (contract_id)
JOIN debtor ON debtor.debtor_id = contract.debtor_id
LEFT JOIN debtor AS next ON next.debtor_id = stated.debtor_id
WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[]) AND {OF_ANOTHER_PERSON}
ORDER BY contract.contract_id
"""
# $1 file, $2 contracts, $3 the new customer, $4 the former one, $5 reasons, $6 whether a person has refused the same
LIST_LEAVING = listing(
    """
    SELECT CASE WHEN refused THEN 'kept_decisions' ELSE 'set_aside' END AS kind, contract_id, contract_number,
        NULL AS instalment, given.stated, given.known,
        CASE WHEN refused THEN 'refused_' ELSE '' END || given.reason AS detail
    FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::boolean[])
        AS given (contract_id, stated, known, reason, refused)
    JOIN contract USING (contract_id)
    """
)
# A mark of the former debtor stays with that debtor. It holds here again when the contract comes back.
TAKE_MARKS = f"""
UPDATE contact_point AS point SET verified = false, invalid = coalesce(mark.invalid, false),
    opted_out = coalesce(mark.opted_out, false), media = coalesce(mark.media, '{{}}'), version = {NEXT_VERSION}
FROM contract JOIN contact_point AS held USING (contract_id)
LEFT JOIN debtor_contact_mark AS mark
    ON mark.debtor_id = contract.debtor_id AND mark.kind = held.kind AND mark.value = held.value
WHERE contract.contract_id = ANY($1::uuid[]) AND point.contact_id = held.contact_id
    AND (point.verified, point.invalid, point.opted_out, point.media) IS DISTINCT FROM
        (false, coalesce(mark.invalid, false), coalesce(mark.opted_out, false), coalesce(mark.media, '{{}}'))
"""
# $1 file, $2 contracts, $3 what was known of the former debtor of each
LIST_MOVES = listing(
    """
    SELECT 'person_changed' AS kind, contract_id, contract_number, NULL AS instalment,
        debtor.debtor_number || ' (' || debtor.status || ')' AS stated, given.known,
        'status and marks are those of the new customer' AS detail
    FROM unnest($2::uuid[], $3::text[]) AS given (contract_id, known)
    JOIN contract USING (contract_id) JOIN debtor USING (debtor_id)
    """
)
