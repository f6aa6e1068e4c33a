"""The statements of people. Those that write need the rows of the people, their debtors and contracts locked."""

import jurisdictions
from chassis.paging import both_orders
from jurisdictions import generic_tax_ids

_GENERIC = ", ".join(f"'{tax_id}'" for code in jurisdictions.codes() for tax_id in generic_tax_ids(code))
_TAX_ID = 'tax_id_key(contract.tax_id) COLLATE "C"'
_OF_SOMEBODY = f"""tax_id_key(contract.tax_id) NOT IN ({_GENERIC}) AND tax_id_key(contract.tax_id) !~ '^(.?)\\1*$'"""
_PERSON = "coalesce(debtor.person_id, debtor.debtor_id)"

MOST_LOOKED_AT = 1_000
"""So many contracts with one tax id are looked at. More have one only where the tax id identifies nobody."""

# $1 contracts, $2 creditor, $3 the most customers. The tax ids of these contracts that several people of the creditor
# have, and not more customers.
SHARED_TAX_IDS = f"""
WITH given AS MATERIALIZED (
    SELECT DISTINCT {_TAX_ID} AS tax_id FROM contract
    WHERE contract_id = ANY($1::uuid[]) AND contract.tax_id IS NOT NULL AND {_OF_SOMEBODY}
)
SELECT given.tax_id FROM given
CROSS JOIN LATERAL (
    SELECT count(DISTINCT {_PERSON}) AS people, count(DISTINCT debtor.debtor_id) AS customers FROM (
        SELECT debtor_id FROM contract
        WHERE contract.creditor_id = $2 AND contract.tax_id IS NOT NULL AND {_TAX_ID} = given.tax_id
        LIMIT {MOST_LOOKED_AT}
    ) AS holding JOIN debtor USING (debtor_id)
) AS held
WHERE held.people > 1 AND held.customers <= $3
ORDER BY given.tax_id
"""

# $1 creditors, $2 tax ids, in pairs, $3 the most contracts of each. The customers of each in the order in which they
# became customers, by all their contracts, and how many there are.
CUSTOMERS = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[]) AS given (creditor_id, tax_id)
), holder AS MATERIALIZED (
    SELECT given.*, held.debtor_id, held.place, held.total FROM given CROSS JOIN LATERAL (
        SELECT debtor_id, row_number() OVER () AS place, count(*) OVER () AS total FROM (
            SELECT DISTINCT debtor_id FROM (
                SELECT debtor_id FROM contract
                WHERE contract.creditor_id = given.creditor_id AND contract.tax_id IS NOT NULL
                    AND {_TAX_ID} = given.tax_id
                ORDER BY contract_id LIMIT {MOST_LOOKED_AT}
            ) AS looked_at
        ) AS one
    ) AS held
    WHERE held.place <= $3
)
SELECT holder.creditor_id, holder.tax_id, holder.total, debtor.debtor_id, debtor.debtor_number, debtor.person_id,
    debtor.status, facts.*
FROM holder JOIN debtor USING (debtor_id)
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT debtor_name) AS names, array_agg(DISTINCT debtor_kind) AS kinds,
        coalesce(array_agg(DISTINCT ARRAY[jurisdiction, {_TAX_ID}])
            FILTER (WHERE contract.tax_id IS NOT NULL), '{{}}') AS tax_ids,
        min(contract.created_at) AS since, min(contract_number) AS number,
        ARRAY(SELECT person_unlink.person_id FROM contract AS own JOIN person_unlink USING (contract_id)
            WHERE own.debtor_id = holder.debtor_id) AS unlinked_from,
        (jsonb_agg(jsonb_build_object('contract_id', contract_id, 'contract_number', contract_number,
            'portfolio_id', portfolio_id, 'debtor_name', debtor_name) ORDER BY contract_number, contract_id))
            AS contracts
    FROM contract JOIN portfolio USING (portfolio_id) WHERE contract.debtor_id = holder.debtor_id
) AS facts
ORDER BY holder.creditor_id, holder.tax_id, facts.since, facts.number, debtor.debtor_id
"""

# $1 contracts. The members of the people of whom their debtors are, if the tax id has linked these. shares: the member
# has a tax id of another member, or none. silent: without the link a silence would end.
LINKED_BY_TAX_ID = f"""
WITH person AS MATERIALIZED (
    SELECT DISTINCT person_id FROM contract JOIN debtor USING (debtor_id)
    WHERE contract_id = ANY($1::uuid[]) AND linked_by = 'tax_id'
)
SELECT debtor_id, person_id, leaves, linked_by = 'decision' OR NOT own.has_one OR own.shares AS shares,
    own_status IS NOT NULL AND status IN ('deceased', 'represented') AS silent
FROM person JOIN debtor USING (person_id)
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS has_one, coalesce(bool_or({_OF_SOMEBODY} AND EXISTS (
            SELECT FROM debtor AS holder JOIN contract AS other USING (debtor_id)
            WHERE holder.person_id = person.person_id AND holder.debtor_id <> debtor.debtor_id
                AND tax_id_key(other.tax_id) = tax_id_key(contract.tax_id))), false) AS shares,
        min(created_at) AS since, min(contract_number) AS number
    FROM contract WHERE contract.debtor_id = debtor.debtor_id AND contract.tax_id IS NOT NULL
) AS own
ORDER BY person_id, own.since, own.number, debtor_id
"""
SET_LEAVES = """
UPDATE debtor SET leaves = given.leaves FROM unnest($1::uuid[], $2::boolean[]) AS given (debtor_id, leaves)
WHERE debtor.debtor_id = given.debtor_id
"""

# $1 ids of people, or of debtors who stand for theirs. In the order in which they became customers.
MEMBERS = f"""
WITH named AS MATERIALIZED (
    SELECT debtor_id, person_id FROM debtor WHERE debtor_id = ANY($1::uuid[])
    UNION SELECT debtor_id, person_id FROM debtor WHERE person_id = ANY($1::uuid[])
), member AS (
    SELECT debtor_id FROM named
    UNION SELECT debtor_id FROM debtor WHERE person_id IN (SELECT person_id FROM named)
)
SELECT debtor_id, person_id, {_PERSON} AS person, debtor.creditor_id, linked_by
FROM member JOIN debtor USING (debtor_id)
CROSS JOIN LATERAL (
    SELECT min(created_at) AS since, min(contract_number) AS number
    FROM contract WHERE contract.debtor_id = debtor.debtor_id
) AS first
ORDER BY first.since, first.number, debtor_id
"""
DEBTOR_OF = """
SELECT debtor_id, contract.creditor_id, coalesce(person_id, debtor_id) AS person
FROM contract JOIN debtor USING (debtor_id) WHERE contract_id = $1
"""
# $1 people, $2 the group of each that is to be one, $3 a debtor of whom that does not count. Groups with a contract of
# one person that is not another's.
UNLINKED_AMONG = f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::integer[]) AS given (person_id, n)
)
SELECT DISTINCT ON (given.n) given.n, contract_number
FROM given JOIN person_unlink USING (person_id) JOIN contract USING (contract_id) JOIN debtor USING (debtor_id)
JOIN given AS holder ON holder.n = given.n AND holder.person_id = {_PERSON}
WHERE holder.person_id <> given.person_id AND debtor.debtor_id IS DISTINCT FROM $3
ORDER BY given.n, contract_number
"""
TAKEN = "SELECT person_id FROM person WHERE person_id = ANY($1::uuid[])"
ADD = "INSERT INTO person (person_id, creditor_id) SELECT person_id, $2 FROM unnest($1::uuid[]) AS person_id"
# $1 debtors, $2 their people or null, $3 what links them
SET = """
UPDATE debtor SET person_id = given.person_id, linked_by = given.linked_by, leaves = false
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS given (debtor_id, person_id, linked_by)
WHERE debtor.debtor_id = given.debtor_id
"""
SET_LINKED_BY = "UPDATE debtor SET linked_by = $2 WHERE debtor_id = $1"
# $1 the people who became another one, $2 that one, in pairs
MOVE_UNLINKS = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS given (former, present)
), gone AS (
    DELETE FROM person_unlink USING given WHERE person_unlink.person_id = given.former
    RETURNING contract_id, present, reason, at, actor
)
INSERT INTO person_unlink (contract_id, person_id, reason, at, actor)
SELECT DISTINCT ON (contract_id, present) contract_id, present, reason, at, actor FROM gone
ON CONFLICT DO NOTHING
"""
# $1 a debtor, $2 a person, $3 the reason. The word holds of each contract, whichever customer a file gives it to.
UNLINK = """
INSERT INTO person_unlink (contract_id, person_id, reason) SELECT contract_id, $2, $3 FROM contract WHERE debtor_id = $1
ON CONFLICT DO NOTHING RETURNING contract_id
"""
FORGET_UNLINKS = """
DELETE FROM person_unlink USING contract
WHERE contract.contract_id = person_unlink.contract_id AND debtor_id = $1 AND person_id = $2
"""

# $1 an id of a person, or of a debtor who stands for theirs
PERSON = f"""
SELECT coalesce(
    (SELECT person_id FROM person WHERE person_id = $1),
    (SELECT {_PERSON} FROM debtor WHERE debtor_id = $1)) AS person_id
"""
CREDITOR_OF = """
SELECT coalesce((SELECT creditor_id FROM person WHERE person_id = $1),
    (SELECT creditor_id FROM debtor WHERE debtor_id = $1))
"""
VIEW = """
SELECT debtor.debtor_id, debtor_number, creditor_id, linked_by, status, coalesce(own_status, status) AS own_status,
    leaves, held.contracts
FROM debtor CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object('contract_id', contract_id, 'contract_number', contract_number,
        'portfolio_id', portfolio_id, 'debtor_name', debtor_name) ORDER BY contract_number, contract_id), '[]')
        AS contracts
    FROM contract WHERE contract.debtor_id = debtor.debtor_id
) AS held
WHERE debtor.person_id = $1 OR debtor.debtor_id = $1 AND debtor.person_id IS NULL
ORDER BY debtor_number, debtor.debtor_id
"""
UNLINKED = """
SELECT contract_id, contract_number, reason, at, actor FROM person_unlink JOIN contract USING (contract_id)
WHERE person_id = $1 ORDER BY at, contract_id
"""

# $1 creditor or null, $2 and $3 the last one shown, $4 how many. The tax ids of which several people have one, unless
# persons have said of all of them that they are different people.
CANDIDATES = both_orders(f"""
SELECT creditor_id, tax_id FROM (
    SELECT contract.creditor_id, {_TAX_ID} AS tax_id, array_agg(DISTINCT {_PERSON}) AS people
    FROM contract JOIN debtor USING (debtor_id)
    WHERE contract.tax_id IS NOT NULL AND {_OF_SOMEBODY}
        AND ($1::uuid IS NULL OR contract.creditor_id = $1)
        AND ($2::uuid IS NULL OR (contract.creditor_id, {_TAX_ID}) {{beyond}} ($2, $3::text))
    GROUP BY contract.creditor_id, {_TAX_ID}
    HAVING count(DISTINCT {_PERSON}) > 1
) AS shared
WHERE cardinality(people) > 10 OR EXISTS (
    SELECT FROM unnest(people) AS one, unnest(people) AS other
    WHERE one < other AND NOT EXISTS (
        SELECT FROM person_unlink JOIN contract USING (contract_id) JOIN debtor USING (debtor_id)
        WHERE {_PERSON} = one AND person_unlink.person_id = other
            OR {_PERSON} = other AND person_unlink.person_id = one))
ORDER BY creditor_id {{order}}, tax_id {{order}} LIMIT $4
""")
# $1 to $4 as above. The tax ids of those who are linked still, and share none with the others of the person any more.
LEAVING = both_orders(f"""
SELECT DISTINCT creditor_id, tax_id FROM (
    SELECT contract.creditor_id, min({_TAX_ID}) AS tax_id
    FROM debtor JOIN contract USING (debtor_id)
    WHERE leaves AND ($1::uuid IS NULL OR contract.creditor_id = $1)
    GROUP BY contract.creditor_id, debtor_id
) AS leaving
WHERE $2::uuid IS NULL OR (creditor_id, tax_id) {{beyond}} ($2, $3::text)
ORDER BY creditor_id {{order}}, tax_id {{order}} LIMIT $4
""")
