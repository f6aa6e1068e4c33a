"""The statements of debtors' statuses and of addresses. Those that write need the rows locked."""

from portfolio.debtors.rules import BY_GRAVITY

DEBTORS = """
SELECT contract_id, debtor_id, coalesce(person_id, debtor_id) AS person, status,
    coalesce(own_status, status) AS stated
FROM contract JOIN debtor USING (debtor_id) WHERE contract_id = ANY($1::uuid[])
"""


_BY_GRAVITY = ", ".join(f"'{status}'" for status in BY_GRAVITY)


def _gravity(status: str) -> str:
    return f"array_position(ARRAY[{_BY_GRAVITY}], {status})"


MEMBER = """
member AS MATERIALIZED (
    SELECT *, coalesce(person_id, debtor_id) AS person FROM debtor WHERE debtor_id = ANY($1::uuid[])
    UNION SELECT *, person_id FROM debtor
    WHERE person_id IN (SELECT person_id FROM debtor WHERE debtor_id = ANY($1::uuid[]))
)
"""
"""SQL: the debtors ``$1``, and all others of their people."""
# $1 debtors, no person twice, $2 statuses, $3 whether the rest of the person is stated no graver from now on.
KEEP_STATUS = f"""
WITH given AS MATERIALIZED (
    SELECT debtor_id, person_id, given.status
    FROM unnest($1::uuid[], $2::text[]) AS given (debtor_id, status) JOIN debtor USING (debtor_id)
), stated AS (
    SELECT debtor_id, status FROM given
    UNION ALL
    SELECT member.debtor_id, given.status FROM given JOIN debtor AS member USING (person_id)
    WHERE $3 AND member.debtor_id <> given.debtor_id
        AND {_gravity("coalesce(member.own_status, member.status)")} > {_gravity("given.status")}
)
UPDATE debtor SET own_status = stated.status FROM stated
WHERE debtor.debtor_id = stated.debtor_id AND coalesce(debtor.own_status, debtor.status) <> stated.status
RETURNING debtor.debtor_id
"""
# Of what was stated of the debtors of a person, the gravest holds for all of them.
SPREAD_STATUS = f"""
WITH {MEMBER}, gravest AS (
    SELECT person, (array_agg(coalesce(own_status, status)
        ORDER BY {_gravity("coalesce(own_status, status)")} DESC))[1] AS status
    FROM member GROUP BY person
), next AS (
    SELECT debtor_id, person, gravest.status,
        nullif(coalesce(member.own_status, member.status), gravest.status) AS own_status
    FROM member JOIN gravest USING (person)
)
UPDATE debtor SET status = next.status, own_status = next.own_status,
    status_version = debtor.status_version + (debtor.status <> next.status)::integer
FROM next
WHERE debtor.debtor_id = next.debtor_id
    AND (debtor.status, debtor.own_status) IS DISTINCT FROM (next.status, next.own_status)
RETURNING debtor.debtor_id, next.person, debtor.status, debtor.status_version, old.status <> new.status AS changed
"""
CONTRACTS = "SELECT contract_id, debtor_id FROM contract WHERE debtor_id = ANY($1::uuid[]) ORDER BY contract_id"
CONTRACTS_OF_PERSON = """
SELECT count(*) FROM contract JOIN debtor USING (debtor_id) WHERE debtor_id = $1 OR person_id = $1
"""

# $1 contracts, $2 ids, $3 provenances, $4 to $10 the parts, $11 the most addresses that visits find for a contract.
ADD_FOUND = """
WITH given AS MATERIALIZED (
    SELECT given.*, portfolio.jurisdiction, NOT EXISTS (
            SELECT FROM address WHERE address.address_id = given.address_id) AS is_new,
        (SELECT count(*) FROM address WHERE address.contract_id = given.contract_id AND provenance <> 'creditor') >= $11
            AS has_many
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[]) AS given (contract_id, address_id, provenance, street, exterior, interior,
        neighbourhood, postal_code, city, state)
    JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
    WHERE erased_at IS NULL
), added AS (
    INSERT INTO address (address_id, contract_id, kind, street, exterior, interior, neighbourhood, postal_code, city,
        state, country, provenance, authorised, issues)
    SELECT address_id, contract_id, 'other', street, exterior, interior, neighbourhood, postal_code, city, state,
        jurisdiction, provenance, false, ARRAY['unchecked']
    FROM given WHERE is_new AND NOT has_many
    RETURNING contract_id
)
SELECT contract_id, is_new AND NOT has_many AS is_added, is_new AND has_many AS is_full FROM given
ORDER BY contract_id
"""

STORE_VERDICTS = """
UPDATE address SET
    verdict = given.verdict, authorised = given.verdict <> 'wrong',
    issues = array_remove(array_remove(issues, 'wrong_address'), 'unchecked')
        || CASE WHEN given.verdict = 'wrong' THEN ARRAY['wrong_address'] ELSE '{}' END
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS given (contract_id, address_id, verdict)
WHERE address.contract_id = given.contract_id AND address.address_id = given.address_id
    AND address.verdict IS DISTINCT FROM given.verdict
RETURNING new.contract_id, old.authorised <> new.authorised AS revised
"""

# $1 issue, $2 portfolio and $3 contract, each null for any; $4 and $5 the moment and id after which the page begins.
ADDRESS_REVIEWS = {
    order: f"""
SELECT address_id, contract_id, contract_number, portfolio_id, debtor_name, kind, street, exterior, interior,
    neighbourhood, postal_code, city, address.state, country, issues, irregular_numbering, authorised, verdict,
    provenance, known_since
FROM address JOIN contract USING (contract_id)
WHERE issues <> '{{}}' AND contract.state = 'open' AND ($1::text IS NULL OR $1 = ANY (issues))
    AND ($2::uuid IS NULL OR portfolio_id = $2) AND ($3::uuid IS NULL OR contract_id = $3)
    AND ($4::timestamptz IS NULL OR (known_since, address_id) {beyond} ($4, $5::uuid))
ORDER BY known_since {order}, address_id {order} LIMIT $6
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
