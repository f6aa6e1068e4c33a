"""The statements of ``positions``. Each works on any number of contracts at once."""

from typing import Final

from projections.silence import days_paused, paused_spans
from recobro_events import outbox
from recobro_events.contracts.portfolio import ContractNearsStage, ContractStageChanged, StageCause

from portfolio.ledger.components import components_json
from portfolio.ledger.history import INTO_HISTORY
from portfolio.ledger.rescheduled import parts_of
from portfolio.ledger.rules import STAGE_STARTS

BANDS: Final = "bands"
"""The cause of a staging by new bands, in history. Readers of an earlier release refuse unknown causes, so events state
``revision`` and ``bands_from``."""

# ``days`` are the days past due, which may be below 0 here. A column of the portfolio holds the first day of each
# stage; null: the portfolio has no such stage.
STARTS = {stage: f"{stage}_from" for stage in STAGE_STARTS}
_STAGE = "CASE {starts} ELSE 'current' END".format(
    starts=" ".join(f"WHEN days >= {start} THEN '{stage}'" for stage, start in reversed(STARTS.items()))
)
_NEXT_START = "CASE {starts} END".format(
    starts=" ".join(f"WHEN days < {start} THEN {start}" for start in STARTS.values())
)


# The clock counts the days after ``greatest(as_of, oldest)``. A pause delays the next stage by its whole length if it
# begins before the stage is reached. A pause without an end delays it for ever.
_NEXT_STAGE_ON = f"""greatest(as_of, oldest) + {_NEXT_START} - greatest(days, 0) + (
            SELECT CASE WHEN count(*) = count(length) THEN coalesce(sum(length), 0)::integer END
            FROM (
                SELECT length, first_on - greatest(as_of, oldest) - 1 - coalesce(sum(length) OVER (
                    ORDER BY first_on ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS counted_before
                FROM {paused_spans("clock.contract_id")} AS paused
                CROSS JOIN LATERAL (
                    SELECT greatest(starts_on, greatest(as_of, oldest) + 1) AS first_on) AS first
                CROSS JOIN LATERAL (SELECT ends_on - first_on + 1 AS length) AS rest
                WHERE coalesce(ends_on, 'infinity') >= first_on
            ) AS ahead
            WHERE counted_before < {_NEXT_START} - greatest(days, 0))"""


POSITION_JSON = """
    'contract_id', {row}.contract_id, 'version', {row}.version, 'as_of', {row}.as_of, 'state', {row}.state,
    'stage', {row}.stage, 'days_past_due', {row}.days_past_due,
    'overdue_balance', {row}.overdue_balance::text, 'total_balance', {row}.total_balance::text,
    'oldest_due_on', {row}.oldest_due_on, 'episode', {row}.episode,
    'next_change_on', {row}.next_change_on, 'components', {row}.components"""


def renewed(fact: str) -> str:
    """SQL: sets the day of a stored position that still holds to the business date, for an event that carries it.

    ``fact`` has ``business_date`` and the ``days_past_due`` on it. A position that is due for staging stays as it is.
    """
    due = f"contract.next_change_on <= {fact}.business_date"
    return f"""as_of = CASE WHEN {due} THEN contract.as_of ELSE {fact}.business_date END,
        days_past_due = CASE WHEN {due} THEN contract.days_past_due ELSE {fact}.days_past_due END"""


_STAGE_CHANGED = outbox.rows(
    ContractStageChanged,
    body=f"""json_build_object({POSITION_JSON.format(row="restaged").replace("restaged.version", "stage_version")},
            'from_stage', was_stage, 'to_stage', stage,
            'cause', CASE $3::text WHEN '{BANDS}' THEN '{StageCause.REVISION}' ELSE $3::text END,
            'bands_from', CASE $3::text WHEN '{BANDS}' THEN bands_from END)""",
    traceparent="$9",
    event_id=outbox.Caused("cause_id", consumer="$8"),
)
_BY_SCHEDULE = "CASE WHEN rescheduled_by IS NULL THEN stated.{name} ELSE agreed.{name} END AS {name}"
# The trigger that keeps movements reads the cause from the setting. Marked contracts are judged anew.
# $1 contracts, $2 as_of or null, $3 cause or null, $4 how many more events follow, $5 an episode or null,
# $6 and $7 the received event behind each contract, $8 consumer, $9 traceparent, $10 whether the event that follows has
# the whole contract, $11 whether to mark the contracts.
REPOSITION = f"""
WITH target AS MATERIALIZED (
    SELECT contract.contract_id, coalesce($2::date, portfolio.business_date, contract.as_of) AS as_of, noted.cause,
        rescheduled_by, allocation_order, portfolio.bands_id, bands_from, early_from, late_from, legal_from
    FROM contract JOIN portfolio USING (portfolio_id)
    CROSS JOIN (SELECT set_config('portfolio.cause', coalesce($3::text, ''), true) AS cause) AS noted
    WHERE contract.contract_id = ANY($1::uuid[])
), stated AS MATERIALIZED (
    SELECT target.contract_id, target.as_of, rescheduled_by, allocation_order, bands_id, bands_from, early_from,
        late_from, legal_from,
        bool_or(principal IS NOT NULL AND unpaid > 0) AS is_split,
        coalesce(sum(unpaid), 0) AS total,
        coalesce(sum(unpaid) FILTER (WHERE due_on < target.as_of), 0) AS overdue,
        min(due_on) FILTER (WHERE unpaid > 0) AS oldest,
        min(due_on) FILTER (WHERE unpaid > 0 AND due_on >= target.as_of) AS next_due
    FROM target LEFT JOIN instalment USING (contract_id)
    GROUP BY target.contract_id, target.as_of, rescheduled_by, allocation_order, bands_id, bands_from, early_from,
        late_from, legal_from
), owed AS MATERIALIZED (
    SELECT stated.contract_id, stated.as_of, allocation_order, bands_id, bands_from, early_from, late_from, legal_from,
        is_split, total, {_BY_SCHEDULE.format(name="overdue")}, {_BY_SCHEDULE.format(name="oldest")},
        {_BY_SCHEDULE.format(name="next_due")}
    FROM stated CROSS JOIN LATERAL (
        SELECT coalesce(sum(unpaid) FILTER (WHERE due_on < stated.as_of), 0) AS overdue,
            min(due_on) FILTER (WHERE unpaid > 0) AS oldest,
            min(due_on) FILTER (WHERE unpaid > 0 AND due_on >= stated.as_of) AS next_due
        FROM ({parts_of("stated.rescheduled_by")}) AS part
    ) AS agreed
), clock AS MATERIALIZED (
    SELECT *, coalesce(as_of - oldest - {days_paused("owed.contract_id", "owed.oldest", "owed.as_of")}, 0) AS days
    FROM owed
), position AS MATERIALIZED (
    SELECT *, {_STAGE} AS stage,
        CASE WHEN is_split THEN {components_json("clock.contract_id", "clock.allocation_order")} END AS components,
        CASE WHEN oldest IS NOT NULL THEN {_NEXT_STAGE_ON} END AS next_stage
    FROM clock
), moved AS (
    UPDATE contract SET
        as_of = position.as_of,
        stage = position.stage,
        days_past_due = greatest(0, position.days),
        overdue_balance = position.overdue,
        total_balance = position.total,
        oldest_due_on = position.oldest,
        components = position.components,
        next_change_on = CASE WHEN contract.state IN ('open', 'settled') AND oldest IS NOT NULL
            THEN least(next_due + 1, next_stage) END,
        next_stage_on = position.next_stage,
        bands_id = position.bands_id,
        episode = coalesce($5::integer, contract.episode
            + CASE WHEN contract.overdue_balance = 0 AND position.overdue > 0 THEN 1 ELSE 0 END),
        state = CASE WHEN contract.state NOT IN ('open', 'settled') THEN contract.state
            WHEN position.total = 0 THEN 'settled' ELSE 'open' END,
        details_version = contract.details_version + $10::boolean::integer,
        version = contract.version + $4::integer
            + CASE WHEN $3::text IS NOT NULL AND contract.stage <> position.stage THEN 1 ELSE 0 END
    FROM position
    WHERE contract.contract_id = position.contract_id
    RETURNING new.contract_id, new.portfolio_id, new.debtor_id, new.version, new.as_of, new.state, new.stage,
        new.days_past_due, new.overdue_balance, new.total_balance, new.oldest_due_on, new.next_change_on, new.episode,
        new.components, position.bands_from, old.next_change_on AS was_next_change_on,
        old.version AS was_version, old.as_of AS was_as_of, old.state AS was_state, old.stage AS was_stage,
        old.days_past_due AS was_days_past_due, old.overdue_balance AS was_overdue_balance,
        old.total_balance AS was_total_balance, old.episode AS was_episode
), restaged AS MATERIALIZED (
    SELECT moved.*, moved.version - $4::integer AS stage_version, cause.event_id AS cause_id
    FROM moved LEFT JOIN unnest($6::uuid[], $7::uuid[]) AS cause (contract_id, event_id) USING (contract_id)
    WHERE $3::text IS NOT NULL AND moved.stage <> moved.was_stage
), published AS (
    {_STAGE_CHANGED}
    FROM restaged ORDER BY contract_id
), recorded AS (
    {INTO_HISTORY}
    SELECT contract_id, as_of, 'stage_changed', format('from %s to %s (%s)', was_stage, stage, $3::text),
        jsonb_build_object('from_stage', was_stage, 'to_stage', stage, 'cause', $3::text,
            'days_past_due', days_past_due, 'overdue_balance', overdue_balance::text)
    FROM restaged ORDER BY contract_id
), marked AS (
    INSERT INTO judging_mark (portfolio_id, contract_id) SELECT portfolio_id, contract_id FROM moved WHERE $11::boolean
)
SELECT * FROM moved
"""

DELETE_ALLOCATIONS = """
DELETE FROM payment_allocation USING payment
WHERE payment.payment_id = payment_allocation.payment_id AND payment.contract_id = ANY($1::uuid[])
    AND payment.absorbed_by IS NULL AND payment.reversed_at IS NULL
"""

# Payments and instalments are each laid end to end on one line of money. Where a payment overlaps an instalment, it
# pays that part of the instalment. $2: the payments that come after the others.
REAPPLY_PAYMENTS = """
WITH money AS MATERIALIZED (
    SELECT payment_id, contract_id, amount, sum(amount) OVER line - amount AS start, sum(amount) OVER line AS stop
    FROM payment
    WHERE contract_id = ANY($1::uuid[]) AND absorbed_by IS NULL AND reversed_at IS NULL
    WINDOW line AS (PARTITION BY contract_id ORDER BY payment_id = ANY($2::uuid[]), sequence)
), debt AS MATERIALIZED (
    SELECT contract_id, number, due_on, amount, unpaid,
        sum(amount) OVER line - amount AS start, sum(amount) OVER line AS stop
    FROM instalment
    WHERE contract_id = ANY($1::uuid[])
    WINDOW line AS (PARTITION BY contract_id ORDER BY due_on, number)
), share AS MATERIALIZED (
    SELECT money.payment_id, contract_id, debt.number, debt.due_on,
        least(money.stop, debt.stop) - greatest(money.start, debt.start) AS amount
    FROM money JOIN debt USING (contract_id)
    WHERE least(money.stop, debt.stop) > greatest(money.start, debt.start)
), paid AS (
    UPDATE instalment SET unpaid = due.left_over
    FROM (
        SELECT contract_id, number, debt.amount - coalesce(sum(share.amount), 0) AS left_over
        FROM debt LEFT JOIN share USING (contract_id, number)
        GROUP BY contract_id, number, debt.amount
    ) AS due
    WHERE instalment.contract_id = due.contract_id AND instalment.number = due.number
        AND instalment.unpaid <> due.left_over
), credited AS (
    UPDATE payment SET credit = kept.credit
    FROM (
        SELECT payment_id, money.amount - coalesce(sum(share.amount), 0) AS credit
        FROM money LEFT JOIN share USING (payment_id)
        GROUP BY payment_id, money.amount
    ) AS kept
    WHERE payment.payment_id = kept.payment_id AND payment.credit <> kept.credit
    RETURNING payment.payment_id, payment.contract_id, payment.portfolio_id, payment.sequence, payment.amount,
        payment.credit
), allocated AS (
    INSERT INTO payment_allocation (payment_id, contract_id, number, due_on, amount)
    SELECT payment_id, contract_id, number, due_on, amount FROM share
)
SELECT contract_id, payment_id, amount, credit, currency
FROM credited JOIN portfolio USING (portfolio_id) ORDER BY contract_id, sequence
"""

# $1 contracts, $2 how many events follow of each. The events have the versions after ``was_version``.
RAISE_VERSIONS = """
UPDATE contract SET version = contract.version + given.events
FROM unnest($1::uuid[], $2::integer[]) AS given (contract_id, events)
WHERE contract.contract_id = given.contract_id
RETURNING contract.contract_id, new.version, old.version AS was_version, as_of, state, stage, days_past_due,
    overdue_balance, total_balance, oldest_due_on, episode, next_change_on, components
"""

# The next change of stage is near from stage_notice_days before it up to the day before it.
UNTOLD = """contract.state = 'open' AND told_stage_on IS DISTINCT FROM next_stage_on
    AND next_stage_on > $2::date AND next_stage_on <= $2::date + portfolio.stage_notice_days"""
_NEXT = " ".join(f"WHEN days_past_due < {start} THEN '{stage}'" for stage, start in STARTS.items())
_NEARS_STAGE = outbox.rows(
    ContractNearsStage,
    body="""json_build_object('contract_id', contract_id, 'version', version, 'from_stage', stage,
            'stage', next_stage, 'on', next_stage_on)""",
    traceparent="$3",
)
# A payment may put an announced change off, and its reversal bring it back after a later day was announced: that day is
# kept as the last one again, and nothing is published. $1 contracts, $2 business date, $3 traceparent.
ANNOUNCE = f"""
WITH announced AS MATERIALIZED (
    UPDATE contract SET told_stage_on = next_stage_on
    FROM portfolio
    WHERE contract_id = ANY($1::uuid[]) AND portfolio.portfolio_id = contract.portfolio_id AND {UNTOLD}
    RETURNING contract_id, contract.version, stage, next_stage_on, business_date, CASE {_NEXT} END AS next_stage
), news AS MATERIALIZED (
    SELECT * FROM announced WHERE NOT EXISTS (
        SELECT FROM contract_history AS line WHERE line.contract_id = announced.contract_id
            AND line.kind = 'nears_stage' AND line.data ->> 'stage' = next_stage
            AND line.data ->> 'on' = next_stage_on::text)
), published AS (
    {_NEARS_STAGE}
    FROM news ORDER BY contract_id
), recorded AS (
    {INTO_HISTORY}
    SELECT contract_id, business_date, 'nears_stage', format('%s on %s', next_stage, next_stage_on),
        jsonb_build_object('stage', next_stage, 'on', next_stage_on)
    FROM news ORDER BY contract_id
)
SELECT count(*) FROM announced
"""
