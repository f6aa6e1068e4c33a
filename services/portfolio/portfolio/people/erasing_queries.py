"""The statements of erasures. Those that write need the rows of the person, its debtors and contracts locked."""

from chassis.languages import Sentences
from chassis.paging import both_orders

from portfolio.ladder import receipts_queries

ERASED = "erased"
"""What stands in a text that was erased."""
CODES = sorted(
    {key.rsplit(" ", 1)[1] for key in Sentences("portfolio.contracts").translations if key.startswith("word ")}
)
"""The codes that stand where people write texts too. They name nobody."""

_MEMBERS = "debtor.person_id = $1 OR debtor.debtor_id = $1 AND debtor.person_id IS NULL"
# $1 a person. last_on: the day of the last thing that happened to the contract.
CONTRACTS = f"""
SELECT debtor_id, contract.creditor_id, contract_id, contract_number, contract.state, erased_at, jurisdiction,
    (SELECT max(at AT TIME ZONE timezone)::date FROM contract_history AS line
        WHERE line.contract_id = contract.contract_id AND line.kind <> 'person_erased') AS last_on
FROM debtor JOIN contract USING (debtor_id) JOIN portfolio USING (portfolio_id)
WHERE {_MEMBERS} ORDER BY contract_number, contract_id
"""

MAKE_KEY = """
INSERT INTO erasure_key (key) SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) ON CONFLICT DO NOTHING
"""
# Opt-outs hold on by their hashes. What was found wrong was found wrong of this person alone.
KEEP_OPT_OUTS = """
INSERT INTO erased_opt_out AS known (creditor_id, value_hash, opted_out, media)
SELECT creditor_id, erased_hash(kind, value), bool_or(mark.opted_out),
    coalesce(array_agg(DISTINCT medium ORDER BY medium) FILTER (WHERE medium IS NOT NULL), '{}')
FROM debtor_contact_mark AS mark JOIN debtor USING (debtor_id) LEFT JOIN LATERAL unnest(media) AS medium ON true
WHERE debtor_id = ANY($1::uuid[]) AND (mark.opted_out OR media <> '{}')
GROUP BY creditor_id, kind, value
ON CONFLICT (creditor_id, value_hash) DO UPDATE SET opted_out = known.opted_out OR excluded.opted_out,
    media = ARRAY(SELECT DISTINCT medium FROM unnest(known.media || excluded.media) AS medium ORDER BY medium)
"""
# Some creditors take the tax id for the customer number. Any other number is the creditor's own, and stays.
ERASE_DEBTORS = """
UPDATE debtor SET debtor_number = NULL
WHERE debtor_id = ANY($1::uuid[]) AND tax_id_key(debtor_number) IN (
    SELECT tax_id_key(tax_id) FROM contract WHERE debtor_id = ANY($1::uuid[]))
"""
OF_DEBTORS = (
    "DELETE FROM debtor_contact_mark WHERE debtor_id = ANY($1::uuid[])",
    """
    WITH gone AS (DELETE FROM convenience_debtor WHERE debtor_id = ANY($1::uuid[]) RETURNING convenience_id)
    DELETE FROM convenience USING gone
    WHERE convenience.convenience_id = gone.convenience_id AND NOT EXISTS (
        SELECT FROM convenience_debtor AS other
        WHERE other.convenience_id = gone.convenience_id AND other.debtor_id <> ALL($1::uuid[]))
    """,
)
"""What is erased of debtors, ``$1``."""

# $1 contracts, $2 codes
_IS_CODE = "({0} = ANY($2::text[]) OR {0} ~ '^[a-z]{{2,}}(_[a-z]{{2,}})+$')"
_TEXT = f"CASE WHEN {_IS_CODE} THEN {{0}} ELSE '{ERASED}' END"
OF_CONTRACTS = (
    "DELETE FROM contact_point WHERE contract_id = ANY($1::uuid[])",
    "DELETE FROM party_contact_point WHERE contract_id = ANY($1::uuid[])",
    "DELETE FROM party WHERE contract_id = ANY($1::uuid[])",
    "DELETE FROM address WHERE contract_id = ANY($1::uuid[])",
    "UPDATE attempt SET note = NULL WHERE contract_id = ANY($1::uuid[]) AND note IS NOT NULL",
    *receipts_queries.ERASE,
    f"""
    UPDATE unidentified_payment AS waiting SET payer = NULL, concept = NULL,
        return_reason = CASE WHEN return_reason IS NOT NULL THEN '{ERASED}' END
    FROM payment
    WHERE payment.contract_id = ANY($1::uuid[]) AND waiting.unidentified_id = payment.unidentified_id
    """,
    """
    UPDATE payment_file_row AS line SET cells = NULL, concept = NULL, payer = NULL
    WHERE (line.contract_id = ANY($1::uuid[]) OR line.unidentified_id IN (
            SELECT unidentified_id FROM payment WHERE payment.contract_id = ANY($1::uuid[])))
        AND (cells IS NOT NULL OR concept IS NOT NULL OR payer IS NOT NULL)
    """,
    """
    DELETE FROM file_reject USING file, contract
    WHERE contract.contract_id = ANY($1::uuid[]) AND file.portfolio_id = contract.portfolio_id
        AND file_reject.file_id = file.file_id AND file_reject.contract_number = contract.contract_number
    """,
    """
    DELETE FROM file_row USING file, contract
    WHERE contract.contract_id = ANY($1::uuid[]) AND file.portfolio_id = contract.portfolio_id
        AND file_row.file_id = file.file_id AND file_row.contract_number = contract.contract_number
    """,
    *(
        f"DELETE FROM {table} WHERE contract_id = ANY($1::uuid[])"
        for table in ("file_contact", "file_address", "file_party", "file_party_contact", "file_contract")
    ),
    f"""
    UPDATE report SET body = body || coalesce((
            SELECT jsonb_object_agg(key, '{ERASED}') FROM jsonb_each(body)
            WHERE key IN ('detail', 'value', 'provenance', 'street', 'exterior', 'interior', 'neighbourhood',
                'postal_code', 'city', 'state') AND jsonb_typeof(value) = 'string'), '{{}}') - 'position',
        detail = CASE WHEN detail IS NOT NULL THEN '{ERASED}' END,
        state = CASE state WHEN 'open' THEN 'discarded' ELSE state END
    WHERE contract_id = ANY($1::uuid[])
    """,
)
"""What is erased of contracts, ``$1``."""
TEXTS = (
    f"""
    UPDATE clarification SET reason = {_TEXT.format("reason")}, detail = NULL, resolution_detail = NULL,
        document = CASE WHEN document IS NOT NULL THEN '{ERASED}' END
    WHERE contract_id = ANY($1::uuid[])
    """,
    f"UPDATE pause SET reason = {_TEXT.format('reason')} WHERE contract_id = ANY($1::uuid[])",
    f"""
    UPDATE charge SET reason = {_TEXT.format("reason")},
        reversal_reason = CASE WHEN reversal_reason IS NOT NULL THEN {_TEXT.format("reversal_reason")} END
    WHERE contract_id = ANY($1::uuid[])
    """,
    f"""
    UPDATE payment SET reversal_reason = {_TEXT.format("reversal_reason")}
    WHERE contract_id = ANY($1::uuid[]) AND reversal_reason IS NOT NULL
    """,
    f"UPDATE person_unlink SET reason = {_TEXT.format('reason')} WHERE contract_id = ANY($1::uuid[])",
    # The line keeps its kind and its facts: a sentence tells it from these.
    f"""
    UPDATE contract_history AS line SET summary = replace(kind, '_', ' '), data = line.data || texts.data
    FROM (
        SELECT history_id, jsonb_object_agg(fact.key, '{ERASED}') AS data
        FROM contract_history CROSS JOIN LATERAL jsonb_each_text(data) AS fact
        WHERE contract_id = ANY($1::uuid[]) AND CASE
            WHEN fact.key IN ('detail', 'note', 'reason_for_non_payment', 'recording', 'recording_uri')
            THEN fact.value IS NOT NULL
            WHEN fact.key = 'reported_by' AND data ? 'event_id' THEN false
            WHEN fact.key IN ('reason', 'why', 'provenance', 'reported_by', 'decision')
            THEN NOT {_IS_CODE.format("fact.value")} END
        GROUP BY history_id
    ) AS texts WHERE texts.history_id = line.history_id
    """,
)
"""The texts of contracts, ``$1``, that are erased unless they are codes: of ``$2``, or words such as wrong_amount."""

# $1 ids of the person and of its debtors, $2 its contracts.
OF_DESK = (
    "DELETE FROM worklist_person WHERE person_id = ANY($1::uuid[]) OR person_id = ANY($2::uuid[])",
    "DELETE FROM desk_rest WHERE person_id = ANY($1::uuid[]) OR person_id = ANY($2::uuid[])",
    """
    DELETE FROM desk_note WHERE person_id = ANY($1::uuid[]) OR item_id IN (
        SELECT item_id FROM desk_item WHERE contract_ids && $2::uuid[])
    """,
    """
    UPDATE desk_item SET reason = NULL, decision = NULL
    WHERE (person_id = ANY($1::uuid[]) OR contract_ids && $2::uuid[]) AND (reason IS NOT NULL OR decision IS NOT NULL)
    """,
    f"""
    UPDATE scoped_pause SET reason = '{ERASED}' FROM pause_scope
    WHERE pause_scope.scope_id = scoped_pause.scope_id AND pause_scope.person_id = ANY($1::uuid[])
        AND $2::uuid[] IS NOT NULL
    """,
)
# Last, because the statements before read the tax ids. One version lies between the details of before and after:
# others note it for the erasure itself.
ERASE_CONTRACTS = """
UPDATE contract SET debtor_name = '', tax_id = NULL, language = NULL, erased_at = clock_timestamp(),
    details_version = details_version + 2
WHERE contract_id = ANY($1::uuid[])
RETURNING contract_id, debtor_id, details_version
"""
RECORD = """
INSERT INTO erasure (person_id, creditor_id, debtor_ids, contract_ids, reason) VALUES ($1, $2, $3, $4, $5)
RETURNING erasure_id, person_id, creditor_id, contract_ids, reason, erased_at, actor
"""
LISTED = both_orders("""
SELECT sequence, erasure_id, person_id, creditor_id, contract_ids, reason, erased_at, actor
FROM erasure WHERE sequence {beyond} $1 ORDER BY sequence {order} LIMIT $2
""")
