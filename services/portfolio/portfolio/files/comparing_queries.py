"""The statements that compare what a file states with what is known. Each works on a whole chunk of contracts."""

from projections.silence import days_paused

from portfolio.charges.laying_queries import LIVE, RAISES
from portfolio.files import findings
from portfolio.payments.identifying import IDENTIFIED

MOST_LOOKED_AT = 12
"""So many payments of a contract, the newest first, are tried as the ones that a file lacks."""

SETTINGS = """
SELECT posting_lag_days, reductions = 'payment' AS reductions_are_payments, encode(sha256, 'hex') AS sha256,
    mode = 'snapshot' OR coalesce(file.delta_rows, portfolio.delta_rows) = 'whole' AS rows_are_whole
FROM file JOIN portfolio USING (portfolio_id) WHERE file_id = $1
"""

# $1 file, $2 contracts, $3 as_of of the file.
# known: the creditor's amounts, without the charges on top of them. money: the payments and charges on top that the
# file may know; the amount of a charge that raises what is owed is below 0. gone: one that was reversed after the day
# of the file. Such a file may know the payment, not its reversal, and the known amounts have what it paid as owed
# again.
# pair: which stated instalment is which known one. line: what the file says, and the amount that counts. returns: an
# instalment that is no longer known, but was paid once or is of the same day as one that was. Where the file
# repeats a value about which a person has decided, less what was paid on the instalment since, the decision holds.
# base: the known amount, which has moved since the decision where the reversal of an older payment has raised it.
LINES = f"""
stated AS MATERIALIZED (
    SELECT contract_id, contract_number, row_number, instalment_number AS number, due_on, amount AS said
    FROM file_contract JOIN file_row USING (file_id, contract_number)
    WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
), known AS MATERIALIZED (
    SELECT contract_id, number, due_on, amount - coalesce((
            SELECT sum(allocation.amount) FROM charge_allocation AS allocation JOIN charge USING (charge_id)
            WHERE allocation.contract_id = instalment.contract_id AND allocation.number = instalment.number AND laid
        ), 0) AS amount, unpaid, principal IS NOT NULL AS has_components
    FROM instalment WHERE contract_id = ANY($2::uuid[])
), payments AS MATERIALIZED (
    SELECT payment_id, contract_id, coalesce(put_back, amount) AS amount, paid_on, silent_until, channel, sequence,
        reversed_at IS NOT NULL AS gone
    FROM payment
    CROSS JOIN LATERAL (
        SELECT sum(allocation.amount) AS put_back FROM payment_allocation AS allocation
        WHERE allocation.payment_id = payment.payment_id AND reversed_at IS NOT NULL
    ) AS again
    WHERE contract_id = ANY($2::uuid[]) AND paid_on <= $3
        AND (absorbed_by IS NULL AND reversed_at IS NULL OR reversed_on > $3 AND NOT unposted AND put_back > 0
            AND NOT (channel = 'file' AND reversal_reason = '{IDENTIFIED}'))
), charges AS MATERIALIZED (
    SELECT charge_id, contract_id, CASE WHEN {RAISES} THEN -1 ELSE 1 END * coalesce(put_back, amount) AS amount,
        charged_on, kind, sequence, reversed_at IS NOT NULL AS gone
    FROM charge
    CROSS JOIN LATERAL (
        SELECT sum(abs(allocation.amount)) AS put_back FROM charge_allocation AS allocation
        WHERE allocation.charge_id = charge.charge_id AND reversed_at IS NOT NULL
    ) AS again
    WHERE contract_id = ANY($2::uuid[]) AND charged_on <= $3
        AND ({LIVE} OR reversed_on > $3 AND NOT unposted AND put_back > 0)
), money AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY contract_id ORDER BY paid_on DESC, is_charge, sequence DESC)::integer
        AS place
    FROM (
        SELECT payment_id, contract_id, amount, paid_on, silent_until, channel, gone, sequence, false AS is_charge
        FROM payments
        UNION ALL SELECT charge_id, contract_id, amount, charged_on, NULL, kind, gone, sequence, true FROM charges
    ) AS facts
), paid AS MATERIALIZED (
    SELECT contract_id, number, sum(amount) AS amount
    FROM (
        SELECT allocation.contract_id, number, allocation.amount
        FROM payments JOIN payment_allocation AS allocation USING (payment_id)
        UNION ALL SELECT allocation.contract_id, number, -allocation.amount
        FROM charges JOIN charge_allocation AS allocation USING (charge_id)
    ) AS part
    GROUP BY contract_id, number
), pair AS MATERIALIZED (
    SELECT contract_id, number, number AS known_number FROM stated JOIN known USING (contract_id, number)
    UNION ALL
    SELECT contract_id, by_day.number, known_by_day.number
    FROM (
        SELECT contract_id, number, stated.due_on,
            row_number() OVER (PARTITION BY contract_id, stated.due_on ORDER BY number) AS place
        FROM stated LEFT JOIN known USING (contract_id, number) WHERE known.amount IS NULL
    ) AS by_day
    JOIN (
        SELECT contract_id, number, known.due_on,
            row_number() OVER (PARTITION BY contract_id, known.due_on ORDER BY number) AS place
        FROM known LEFT JOIN stated USING (contract_id, number) WHERE stated.said IS NULL
    ) AS known_by_day USING (contract_id, due_on, place)
), line AS MATERIALIZED (
    SELECT stated.*, known_number, base.amount AS base, coalesce(paid.amount, 0) AS paid,
        decision.number AS decided_number, word.about, coalesce(again.repeats, false) AS repeats,
        CASE WHEN again.repeats THEN greatest(0, base.amount - (word.about - said)) ELSE said END AS amount,
        known_number IS NULL AND (
            EXISTS (SELECT FROM payment_allocation AS laid
                WHERE laid.contract_id = stated.contract_id AND laid.due_on = stated.due_on)
            OR EXISTS (SELECT FROM charge_allocation AS laid
                WHERE laid.contract_id = stated.contract_id AND laid.due_on = stated.due_on)) AS returns
    FROM stated
    LEFT JOIN pair USING (contract_id, number)
    LEFT JOIN known ON known.contract_id = stated.contract_id AND known.number = known_number
    LEFT JOIN paid ON paid.contract_id = stated.contract_id AND paid.number = known_number
    LEFT JOIN amount_decision AS decision
        ON decision.contract_id = stated.contract_id AND decision.number = coalesce(known_number, stated.number)
    CROSS JOIN LATERAL (SELECT coalesce(known.amount, decision.amount) AS amount) AS base
    CROSS JOIN LATERAL (SELECT decision.about + base.amount - decision.amount AS about) AS word
    CROSS JOIN LATERAL (SELECT said = word.about OR said = word.about - paid.amount AS repeats) AS again
)
"""

# $1, $2, $3 as in LINES, $4 posting_lag_days, $5 whether instalments that are not stated are settled.
# excess: what the file states more than it would if it knew every payment. set: the payments that explain it. Recent
# payments go before older ones, a smaller set before a larger one, a set of newer payments before one of older ones.
# Whether a contract overpaid shows the file only as 0, so its excess is then nothing.
# risen: what the file states more for a due date than was known. A known amount is below 0 where a dispute has decided
# away a charge too; nobody had stated less than nothing. undone: the newest payment that the known amounts have in
# them, if the file states all that it paid once more, for its due dates and in all. Then the file has taken it back. A
# file that only moves money between due dates, as books do that count the oldest instalment first, takes nothing back.
# takes_back: the rest of the excess is explained by payments that the file does not know yet.
JUDGE = f"""
WITH {LINES}, summed AS MATERIALIZED (
    SELECT contract_id, contract_number, state, undecided_by,
        coalesce(total.stated, 0) AS stated, coalesce(total.decided, false) AS decided,
        coalesce(owed.amount, 0) AS owed, coalesce(owed.missing, false) AS missing,
        coalesce(owed.has_components, false) AS has_components,
        coalesce(on_top.raises, false) AS raises, EXISTS (
            SELECT FROM charge WHERE charge.contract_id = contract.contract_id) AS has_charges,
        coalesce(on_top.amount, 0) AS paid, least({MOST_LOOKED_AT}, coalesce(on_top.payments, 0))::integer AS payments
    FROM contract
    LEFT JOIN (
        SELECT contract_id, sum(line.amount) FILTER (WHERE known_number IS NOT NULL OR returns) AS stated,
            bool_or(about IS NOT NULL) AS decided
        FROM line GROUP BY contract_id) AS total USING (contract_id)
    LEFT JOIN (
        SELECT known.contract_id, sum(known.amount) AS amount, bool_or(has_components) AS has_components,
            bool_or(unpaid > 0 AND pair.number IS NULL) AS missing
        FROM known LEFT JOIN pair ON pair.contract_id = known.contract_id AND known_number = known.number
        GROUP BY known.contract_id) AS owed USING (contract_id)
    LEFT JOIN (
        SELECT contract_id, sum(amount) AS amount, count(*) AS payments, bool_or(amount < 0) AS raises
        FROM money GROUP BY contract_id
    ) AS on_top USING (contract_id)
    WHERE contract_id = ANY($2::uuid[])
), compared AS MATERIALIZED (
    SELECT *, CASE WHEN stated = 0 THEN least(0, paid - owed) ELSE stated - owed + paid END AS excess FROM summed
), risen AS MATERIALIZED (
    SELECT contract_id, due_on, sum(change) AS amount
    FROM (
        SELECT contract_id, due_on, amount AS change FROM line
        UNION ALL SELECT contract_id, due_on, -greatest(0, amount) FROM known
    ) AS changed
    GROUP BY contract_id, due_on HAVING sum(change) > 0
), undone AS MATERIALIZED (
    SELECT contract_id, newest.payment_id, newest.amount
    FROM compared CROSS JOIN LATERAL (
        SELECT payment_id, laid.amount
        FROM payment CROSS JOIN LATERAL (
            SELECT sum(allocation.amount) AS amount,
                bool_and(coalesce(risen.amount, 0) >= allocation.amount) AS has_risen
            FROM payment_allocation AS allocation
            LEFT JOIN risen ON risen.contract_id = compared.contract_id AND risen.due_on = allocation.due_on
            WHERE allocation.payment_id = payment.payment_id
        ) AS laid
        WHERE payment.contract_id = compared.contract_id AND credit < payment.amount
            AND absorbed_by IS NOT NULL AND reversed_at IS NULL AND NOT unposted AND has_risen AND laid.amount <= excess
        ORDER BY paid_on DESC, sequence DESC LIMIT 1
    ) AS newest
    WHERE excess > 0
), explained AS MATERIALIZED (
    SELECT contract_id, members, has_old, takes_back
    FROM compared LEFT JOIN undone USING (contract_id) CROSS JOIN LATERAL (
        SELECT array_agg(money.payment_id) AS members, bool_or(NOT gone AND $3 - paid_on > $4) AS has_old,
            sum(money.amount) <> excess AS takes_back
        FROM generate_series(1, (1 << payments) - 1) AS mask
        JOIN money ON money.contract_id = compared.contract_id AND place <= payments
            AND mask & (1 << (payments - place)) <> 0
        GROUP BY mask HAVING sum(money.amount) IN (excess, nullif(excess - undone.amount, 0))
        ORDER BY takes_back, has_old, count(*), mask DESC LIMIT 1
    ) AS best
    WHERE (excess > 0 OR excess < 0 AND raises) AND payments > 0
), judged AS MATERIALIZED (
    SELECT compared.*, coalesce(members, '{{}}') AS members, coalesce(takes_back, false) AS takes_back,
        CASE WHEN excess = 0 THEN 'agrees'
            WHEN members IS NOT NULL THEN CASE WHEN has_old THEN 'unposted' ELSE 'in_posting' END
            WHEN missing AND NOT $5::boolean AND state IN ('open', 'settled') THEN 'fewer'
            WHEN excess < 0 THEN 'less' ELSE 'differs' END AS verdict
    FROM compared LEFT JOIN explained USING (contract_id)
)
SELECT judged.*, owed - paid AS expected, coalesce(kept.ids, '{{}}') AS kept, kept.words AS kept_words,
    coalesce(kept.silenced, '{{}}') AS silenced, kept.old_words, coalesce(kept.taken_back, '{{}}') AS taken_back,
    coalesce(kept.unposted, '{{}}') || array_remove(ARRAY[undone.payment_id], NULL) AS unposted
FROM judged
LEFT JOIN LATERAL (
    SELECT array_agg(payment_id) FILTER (WHERE lacking AND recent) AS ids,
        array_agg(payment_id) FILTER (WHERE (lacking OR verdict = 'differs') AND recent) AS silenced,
        array_agg(payment_id) FILTER (WHERE lacking AND NOT recent AND NOT gone) AS unposted,
        array_agg(payment_id) FILTER (WHERE gone AND NOT lacking) AS taken_back,
        string_agg(words, ', ' ORDER BY place) FILTER (WHERE lacking AND recent) AS words,
        string_agg(words, ', ' ORDER BY place) FILTER (
            WHERE NOT recent AND NOT gone
                AND (lacking OR verdict = 'differs' AND silent_until IS NOT NULL)) AS old_words
    FROM money
    CROSS JOIN LATERAL (
        SELECT payment_id = ANY(members) AS lacking, NOT gone AND $3 - paid_on <= $4 AS recent,
            CASE WHEN is_charge THEN format('%s %s of %s', abs(amount), replace(channel, '_', ' '), paid_on)
                ELSE format('%s paid on %s', amount, paid_on) END AS words
    ) AS seen
    WHERE money.contract_id = judged.contract_id
) AS kept ON true
LEFT JOIN undone ON undone.contract_id = judged.contract_id AND (takes_back OR verdict = 'differs')
ORDER BY judged.contract_id
"""

# $1 file; kinds, contracts, what the file states, what was known, details.
LIST = findings.listing(
    """
    SELECT kind, contract_id, contract_number, NULL::integer AS instalment, stated, known, detail
    FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[])
        AS given (kind, contract_id, stated, known, detail)
    JOIN contract USING (contract_id)
    """
)

# A decision that the file has taken over holds on, in case that an older file comes back. It is nothing to list.
_ADOPTED = "said IN (base, base - paid)"
LIST_DECISIONS = findings.listing(
    f"""
    WITH {LINES}
    SELECT 'kept_decisions' AS kind, contract_id, contract_number, number AS instalment, said AS stated, base AS known,
        CASE WHEN repeats THEN 'decision_kept' ELSE 'new_word_of_the_creditor' END AS detail
    FROM line WHERE about IS NOT NULL AND (repeats OR NOT {_ADOPTED})
    """
)
# The file's rows say from here on what holds.
APPLY_DECISIONS = f"""
WITH {LINES}, decided AS MATERIALIZED (SELECT * FROM line WHERE about IS NOT NULL), rows AS (
    UPDATE file_row SET amount = decided.amount FROM decided
    WHERE repeats AND file_row.file_id = $1 AND file_row.row_number = decided.row_number
), held AS (
    UPDATE amount_decision AS decision SET number = decided.number, amount = decided.amount,
        about = CASE WHEN repeats THEN said ELSE decided.about END
    FROM decided
    WHERE decision.contract_id = decided.contract_id AND decision.number = decided_number AND (repeats OR {_ADOPTED})
)
DELETE FROM amount_decision AS decision USING decided
WHERE decision.contract_id = decided.contract_id AND decision.number = decided_number AND NOT (repeats OR {_ADOPTED})
"""

# $1 portfolio, $2 references.
BOOKINGS = """
WITH given AS MATERIALIZED (
    SELECT reference, payment_key('file', reference) AS key FROM unnest($2::text[]) AS given (reference)
)
SELECT given.reference, count(payment_id)::integer AS bookings,
    coalesce(bool_or(reversed_at IS NULL AND payment_id IS NOT NULL), false) AS is_live
FROM given LEFT JOIN payment ON payment.portfolio_id = $1 AND payment.reference_key = given.key
GROUP BY given.reference
"""
# $1 file, $2 contracts, $3 as_of of the file, $4 business date, $5 amounts, $6 payment ids, $7 references, $8 their
# bookings, $9 whether an earlier booking is live, $10 the most payments of a contract. Returns what was entered.
# Such a payment is part of the file's figures, so the file has absorbed it. It paid what the file states less of each
# instalment, the oldest first.
_DAYS_BEFORE = f"""
greatest(0, coalesce($4 - oldest_due_on - {days_paused("contract.contract_id", "contract.oldest_due_on", "$4")}, 0))
"""
ENTER_PAYMENTS = f"""
WITH {LINES}, given AS MATERIALIZED (
    SELECT * FROM unnest($2::uuid[], $5::numeric[], $6::uuid[], $7::text[], $8::integer[], $9::boolean[])
        AS given (contract_id, amount, payment_id, reference, booking, is_live)
), reduced AS (
    SELECT known.contract_id, known.number, known.due_on,
        greatest(0, known.amount - coalesce(paid.amount, 0) - coalesce(line.amount, 0)) AS amount
    FROM known
    LEFT JOIN paid USING (contract_id, number)
    LEFT JOIN line ON line.contract_id = known.contract_id AND line.known_number = known.number
), laid AS (
    SELECT *, sum(amount) OVER (PARTITION BY contract_id ORDER BY due_on, number) - amount AS start FROM reduced
), entered AS (
    INSERT INTO payment (payment_id, contract_id, portfolio_id, amount, paid_on, business_date, channel, reference,
        rebooked_reference, booking, shares_key, days_past_due_before, episode_before, absorbed_by, holdoff_from)
    SELECT payment_id, contract_id, portfolio_id, given.amount, $3, $4, 'file',
        CASE WHEN booking = 1 THEN reference END, CASE WHEN booking > 1 THEN reference END, booking, is_live,
        {_DAYS_BEFORE}, episode, $1, greatest($4, $3, (now() AT TIME ZONE timezone)::date)
    FROM given JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
    WHERE (SELECT count(*) FROM payment WHERE payment.contract_id = given.contract_id) < $10
    ORDER BY contract_id
    RETURNING payment_id, contract_id, amount
), allocated AS (
    INSERT INTO payment_allocation (payment_id, contract_id, number, due_on, amount)
    SELECT payment_id, contract_id, number, due_on, least(laid.amount, entered.amount - start)
    FROM entered JOIN laid USING (contract_id) WHERE laid.amount > 0 AND start < entered.amount
)
SELECT * FROM entered
"""

# $1 contracts, $2 as_of of the file, $3 the payments that it lacks. Contracts where a payment that the file absorbs has
# credit although others stay on top; with those that stay.
OVERPAID = """
SELECT contract_id, array_agg(payment_id) FILTER (WHERE stays) AS staying
FROM (
    SELECT contract_id, payment_id, credit, paid_on > $2 OR payment_id = ANY($3::uuid[]) AS stays FROM payment
    WHERE contract_id = ANY($1::uuid[]) AND absorbed_by IS NULL AND reversed_at IS NULL
) AS on_top
GROUP BY contract_id HAVING bool_or(stays) AND bool_or(credit > 0 AND NOT stays)
"""
ABSORB = """
UPDATE payment SET absorbed_by = $1
WHERE contract_id = ANY($2::uuid[]) AND paid_on <= $3 AND absorbed_by IS NULL AND reversed_at IS NULL
    AND payment_id <> ALL($4::uuid[])
"""
UNPOST = "UPDATE payment SET unposted = true WHERE payment_id = ANY($1::uuid[])"
# $1 contracts, $2 as_of of the file, $3 what the file states of each contract more than expected. So much of the
# payments is not in the file's figure; the newest lack first.
TRIM_PAID = """
WITH laid AS MATERIALIZED (
    SELECT payment_id, number, excess, allocation.amount, sum(allocation.amount) OVER (PARTITION BY given.contract_id
        ORDER BY paid_on DESC, sequence DESC, due_on DESC, number DESC) AS stop
    FROM unnest($1::uuid[], $3::numeric[]) AS given (contract_id, excess)
    JOIN payment ON payment.contract_id = given.contract_id
    JOIN payment_allocation AS allocation USING (payment_id)
    WHERE absorbed_by IS NULL AND paid_on <= $2 AND (reversed_at IS NULL OR reversed_on > $2)
), trimmed AS (
    UPDATE payment_allocation AS known SET amount = stop - excess
    FROM laid WHERE known.payment_id = laid.payment_id AND known.number = laid.number
        AND stop > excess AND stop - laid.amount < excess
)
DELETE FROM payment_allocation AS known USING laid
WHERE known.payment_id = laid.payment_id AND known.number = laid.number AND stop <= excess
"""
SILENCE = "UPDATE payment SET silent_until = paid_on + $2::integer WHERE payment_id = ANY($1::uuid[])"

SET_ASIDE = """
UPDATE contract SET undecided_by = $1 WHERE contract_id = ANY($2::uuid[])
RETURNING contract_id, old.undecided_by IS NULL AS is_new
"""
# The payment came after the last loaded file with the same bytes. No file knows a payment of a later day than its own.
REPEATS_BYTES = """
SELECT EXISTS (
    SELECT FROM file AS this JOIN file_contract USING (file_id) JOIN payment USING (contract_id)
    WHERE this.file_id = $1 AND payment.reversed_at IS NULL AND payment.channel <> 'file'
        AND payment.paid_on <= this.as_of
        AND payment.received_at > (
            SELECT max(earlier.received_at) FROM file AS earlier
            WHERE earlier.portfolio_id = this.portfolio_id AND earlier.sha256 = this.sha256
                AND earlier.status = 'loaded' AND NOT earlier.dry_run AND earlier.as_of < this.as_of)
)
"""
# $1 file, $2 portfolio. Each row states an instalment as it was last stated, and no instalment is left. The staging
# tables have no statistics yet, so each row looks its instalment up.
REPEATS_FIGURES = """
SELECT NOT EXISTS (
    SELECT FROM file_row WHERE file_id = $1 AND amount IS DISTINCT FROM (
        SELECT instalment.amount - coalesce((
            SELECT sum(allocation.amount) FROM charge_allocation AS allocation JOIN charge USING (charge_id)
            WHERE allocation.contract_id = instalment.contract_id AND allocation.number = instalment.number AND laid
        ), 0) + coalesce((
            SELECT about - decision.amount FROM amount_decision AS decision
            WHERE decision.contract_id = instalment.contract_id AND decision.number = instalment.number), 0)
        FROM contract JOIN instalment USING (contract_id)
        WHERE contract.portfolio_id = $2 AND contract.contract_number = file_row.contract_number
            AND instalment.number = instalment_number AND instalment.due_on = file_row.due_on)
) AND (SELECT count(*) FROM file_row WHERE file_id = $1) = (
    SELECT count(*) FROM file_contract JOIN instalment USING (contract_id) WHERE file_id = $1)
"""
# $1 file, $2 as_of.
WITH_MONEY = """
SELECT DISTINCT contract_id FROM file_contract JOIN payment USING (contract_id)
WHERE file_id = $1 AND absorbed_by IS NULL AND reversed_at IS NULL AND paid_on <= $2
UNION SELECT contract_id FROM file_contract JOIN charge USING (contract_id)
WHERE file_id = $1 AND absorbed_by IS NULL AND reversed_at IS NULL AND charged_on <= $2
"""
# $1 contracts, $2 file, $3 its as_of, $4 charges that stay on top, $5 charges that the file's amounts lack. No charge
# is in the amounts that the file has stated.
ABSORB_CHARGES = f"""
UPDATE charge SET laid = false, unposted = unposted OR charge_id = ANY($5::uuid[]),
    absorbed_by = CASE WHEN {LIVE} AND charged_on <= $3 AND charge_id <> ALL($4::uuid[]) THEN $2 ELSE absorbed_by END
WHERE contract_id = ANY($1::uuid[]) AND (laid OR {LIVE})
"""
