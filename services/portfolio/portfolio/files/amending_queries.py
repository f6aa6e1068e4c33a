"""The statements that amend a file by another. Each works on a whole chunk of contracts.

``$1`` is the amending file. The root is the file that was loaded first: an amendment of an amendment amends it too.
"""

from portfolio.files.findings import listing
from portfolio.files.people_queries import OF_ANOTHER_PERSON
from portfolio.ledger.components import COMPONENT_COLUMNS
from portfolio.tabular.profiles import COMPONENTS

# Without instalment numbers the due date says which instalment a row means. $2 contracts, $3 root
NUMBER_BY_DAY = """
UPDATE file_row AS given SET instalment_number = numbered.number
FROM (
    SELECT meant.row_number, coalesce(same_day.number, most.number + meant.instalment_number) AS number
    FROM file_contract AS stated JOIN file_row AS meant USING (file_id, contract_number)
    CROSS JOIN LATERAL (
        SELECT coalesce(max(number), 0) AS number FROM (
            SELECT number FROM instalment WHERE contract_id = stated.contract_id
            UNION ALL SELECT instalment_number FROM file_row AS waiting
            WHERE waiting.file_id = $3 AND waiting.contract_number = stated.contract_number) AS known
    ) AS most
    LEFT JOIN LATERAL (
        SELECT number FROM (
            SELECT instalment_number AS number, 1 AS rank FROM file_row AS waiting
            WHERE waiting.file_id = $3 AND waiting.contract_number = stated.contract_number
                AND waiting.due_on = meant.due_on
            UNION ALL SELECT number, 2 FROM instalment
            WHERE contract_id = stated.contract_id AND instalment.due_on = meant.due_on) AS known
        ORDER BY rank, number LIMIT 1
    ) AS same_day ON true
    WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
) AS numbered
WHERE given.file_id = $1 AND given.row_number = numbered.row_number
"""

# $2 contracts, $3 root, $4 most instalments, $5 largest balance. waits: the root has left the contract as it was, for
# it had rejected rows. why: the reason to set the contract aside, or null.
JUDGE = f"""
SELECT stated.contract_id, stated.contract_number, stated.debtor_id, stated.incomplete,
    contract.contract_id IS NULL AS is_new, coalesce(of_root.waits, false) AS waits,
    CASE WHEN contract.contract_id IS NULL THEN NULL
        WHEN of_root.overtaken THEN 'overtaken'
        WHEN contract.undecided_by IS NOT NULL THEN 'undecided'
        WHEN contract.state <> 'open' OR contract.erased_at IS NOT NULL THEN 'closed'
        WHEN NOT of_root.waits AND {OF_ANOTHER_PERSON} THEN 'other_customer'
        WHEN merged.instalments > $4 THEN 'too_many_instalments'
        WHEN merged.owed > $5 THEN 'balance_too_large' END AS why
FROM file_contract AS stated
LEFT JOIN contract USING (contract_id)
LEFT JOIN file AS last ON last.file_id = contract.file_id
CROSS JOIN LATERAL (
    SELECT contract.incomplete_by = $3 AND last.file_id <> $3 AND last.amended_root IS DISTINCT FROM $3 AS waits,
        EXISTS (SELECT FROM file AS later JOIN file AS root ON root.file_id = $3
            WHERE later.file_id IN (contract.file_id, contract.incomplete_by, contract.undecided_by)
                AND later.sequence > root.sequence AND later.amended_root IS DISTINCT FROM $3) AS overtaken
) AS of_root
CROSS JOIN LATERAL (
    SELECT count(*) AS instalments, sum(amount) AS owed FROM (
        SELECT amount FROM file_row AS given
        WHERE given.file_id = $1 AND given.contract_number = stated.contract_number
        UNION ALL SELECT amount FROM instalment
        WHERE instalment.contract_id = stated.contract_id AND NOT EXISTS (
            SELECT FROM file_row AS given WHERE given.file_id = $1
                AND given.contract_number = stated.contract_number AND given.instalment_number = instalment.number)
    ) AS line
) AS merged
WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[]) AND stated.debtor_id IS NOT NULL
ORDER BY stated.contract_id
"""
LIST_SET_ASIDE = listing(
    """
    SELECT 'set_aside' AS kind, contract_id, contract_number, NULL AS instalment, NULL AS stated, NULL AS known, why
        AS detail
    FROM unnest($2::uuid[], $3::text[]) AS given (contract_id, why) JOIN contract USING (contract_id)
    """
)
# A rejected row of the root is in when a row of this file says that it is that row, or is of the same instalment. For
# rejected rows without a readable instalment number, one further row of the contract counts for each.
# $2 contract numbers, $3 root, $4 whether rows say their number in the root, $5 place of the instalment number, from 0
MARK_AMENDED = """
WITH given AS MATERIALIZED (
    SELECT row_number, contract_number, instalment_number, CASE WHEN $4 THEN rejected_row END AS rejected_row
    FROM file_row WHERE file_id = $1 AND contract_number = ANY($2::text[])
), open AS MATERIALIZED (
    SELECT row_number, contract_number,
        CASE WHEN btrim(cells ->> $5::integer) ~ '^[0-9]{1,9}$' THEN (cells ->> $5::integer)::integer END AS number
    FROM file_reject
    WHERE file_id = $3 AND amended_by IS NULL
        AND (contract_number = ANY($2::text[]) OR row_number IN (SELECT rejected_row FROM given))
), paired AS MATERIALIZED (
    SELECT open.row_number AS rejected, given.row_number AS amending FROM open JOIN given
        ON open.row_number = given.rejected_row
            OR open.contract_number = given.contract_number AND open.number = given.instalment_number
), unnumbered AS (
    SELECT row_number, contract_number, row_number() OVER (PARTITION BY contract_number ORDER BY row_number) AS place
    FROM open WHERE number IS NULL AND row_number NOT IN (SELECT rejected FROM paired)
), further AS (
    SELECT contract_number, row_number() OVER (PARTITION BY contract_number ORDER BY row_number) AS place
    FROM given WHERE rejected_row IS NULL AND row_number NOT IN (SELECT amending FROM paired)
)
UPDATE file_reject SET amended_by = $1
WHERE file_id = $3 AND row_number IN (
    SELECT rejected FROM paired UNION SELECT row_number FROM unnumbered JOIN further USING (contract_number, place))
"""
# $1 root, $2 contract numbers
STILL_REJECTED = """
SELECT DISTINCT contract_number FROM file_reject
WHERE file_id = $1 AND amended_by IS NULL AND contract_number = ANY($2::text[])
"""
# $2 contracts, $3 as_of. A row without parts keeps those that are known of its instalment.
PUT_INSTALMENTS = f"""
INSERT INTO instalment AS known (contract_id, number, due_on, amount, unpaid, {COMPONENT_COLUMNS}, calculated_on)
SELECT stated.contract_id, instalment_number, due_on, amount, amount, {COMPONENT_COLUMNS},
    CASE WHEN principal IS NOT NULL THEN coalesce(calculated_on, $3::date) END
FROM file_contract AS stated JOIN file_row USING (file_id, contract_number)
WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
ON CONFLICT (contract_id, number) DO UPDATE
    SET due_on = excluded.due_on, amount = excluded.amount, unpaid = excluded.unpaid,
        {", ".join(f"{name} = coalesce(excluded.{name}, known.{name})" for name in (*COMPONENTS, "calculated_on"))}
"""
# An amendment adds what is not known. $2 contracts, $3 whether rows of each are still rejected, $4 root
AMEND = """
UPDATE contract SET product = coalesce(contract.product, stated.product),
    debtor_kind = coalesce(contract.debtor_kind, stated.debtor_kind), tax_id = coalesce(contract.tax_id, stated.tax_id),
    language = coalesce(contract.language, stated.language),
    original_creditor = coalesce(contract.original_creditor, stated.original_creditor),
    origination_date = coalesce(contract.origination_date, stated.origination_date),
    incomplete = CASE WHEN contract.incomplete_by <> $4 THEN contract.incomplete ELSE given.incomplete END,
    incomplete_by = CASE WHEN contract.incomplete_by <> $4 THEN contract.incomplete_by
        WHEN given.incomplete THEN $4 END
FROM unnest($2::uuid[], $3::boolean[]) AS given (contract_id, incomplete)
JOIN file_contract AS stated ON stated.file_id = $1 AND stated.contract_id = given.contract_id
WHERE contract.contract_id = given.contract_id
"""
# $2 contract numbers
FLAG_NEW = "UPDATE file_contract SET incomplete = true WHERE file_id = $1 AND contract_number = ANY($2::text[])"

# The rows of a contract that the root left as it was join those that wait with the root. $2 contracts, $3 root
JOIN_WAITING = (
    """
    UPDATE file_contract AS waiting SET debtor_id = coalesce(waiting.debtor_id, given.debtor_id),
        debtor_number = coalesce(waiting.debtor_number, given.debtor_number),
        debtor_name = coalesce(waiting.debtor_name, given.debtor_name),
        debtor_kind = coalesce(waiting.debtor_kind, given.debtor_kind),
        tax_id = coalesce(waiting.tax_id, given.tax_id), product = coalesce(waiting.product, given.product),
        language = coalesce(waiting.language, given.language),
        original_creditor = coalesce(waiting.original_creditor, given.original_creditor),
        origination_date = coalesce(waiting.origination_date, given.origination_date)
    FROM file_contract AS given
    WHERE given.file_id = $1 AND given.contract_id = ANY($2::uuid[])
        AND waiting.file_id = $3 AND waiting.contract_id = given.contract_id
    """,
    """
    DELETE FROM file_row AS waiting USING file_contract AS stated, file_row AS given
    WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[]) AND given.file_id = $1
        AND given.contract_number = stated.contract_number AND waiting.file_id = $3
        AND waiting.contract_number = given.contract_number AND waiting.instalment_number = given.instalment_number
    """,
    f"""
    INSERT INTO file_row (file_id, row_number, contract_number, debtor_name, instalment_number, due_on, amount,
        {COMPONENT_COLUMNS}, calculated_on)
    SELECT $3, (SELECT coalesce(max(row_number), 0) FROM file_row WHERE file_id = $3)
            + row_number() OVER (ORDER BY given.row_number),
        given.contract_number, given.debtor_name, given.instalment_number, given.due_on, given.amount,
        {COMPONENT_COLUMNS}, calculated_on
    FROM file_contract AS stated JOIN file_row AS given USING (file_id, contract_number)
    WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
    """,
    """
    INSERT INTO file_contact (file_id, contract_id, contact_id, kind, value, dialable, timezone, stated_in, rank)
    SELECT $3, contract_id, contact_id, kind, value, dialable, timezone, stated_in, rank
    FROM file_contact WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO file_address (file_id, contract_id, address_id, kind, street, exterior, interior, neighbourhood,
        postal_code, city, state, irregular_numbering, issues)
    SELECT $3, contract_id, address_id, kind, street, exterior, interior, neighbourhood, postal_code, city, state,
        irregular_numbering, issues
    FROM file_address WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO file_party (file_id, contract_id, party_id, role, name, tax_id, rank)
    SELECT $3, contract_id, party_id, role, name, tax_id, rank
    FROM file_party WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO file_party_contact (file_id, contract_id, party_id, contact_id, kind, value, dialable, timezone, rank)
    SELECT $3, contract_id, party_id, contact_id, kind, value, dialable, timezone, rank
    FROM file_party_contact WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
    ON CONFLICT DO NOTHING
    """,
)
# $1 root, $2 contracts. Returns what the root states of them, now that all its rows are in.
COMPLETE = """
UPDATE file_contract SET incomplete = false WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
RETURNING contract_number, contract_id, debtor_id, incomplete
"""
# $1 root, $2 contracts
DECIDED = "SELECT contract_id FROM contract WHERE contract_id = ANY($2::uuid[]) AND undecided_by IS DISTINCT FROM $1"
