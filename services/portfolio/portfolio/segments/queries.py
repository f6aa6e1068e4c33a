"""The statements of segments. Each works on any number of contracts at once."""

from collections.abc import Iterable
from enum import StrEnum

from projections.silence import days_paused

from portfolio.ledger.actors import CURRENT_ACTOR
from portfolio.ledger.rescheduled import parts_of
from portfolio.segments.conditions import GROW_BY_THE_DAY, Fact

DELAY = f"""
        greatest(0, coalesce(business_date - oldest_due_on
            - {days_paused("contract.contract_id", "contract.oldest_due_on", "business_date")}, 0)) AS days_past_due,
        greatest(0, coalesce(business_date - oldest_due_on, 0)) AS debt_age_days"""
"""SQL: how late a row of ``contract`` with its ``business_date`` is, without paused days and with them."""


def facts(contracts: str) -> str:
    """SQL: the facts of the contracts whose ids the query ``contracts`` yields, as the enumeration ``Fact`` names them.

    Beside them the columns ``business_date``, ``debtor_status``, ``was_segment``, and those of the contract that the
    ladder asks for.
    """
    return f"""
    SELECT contract.contract_id, contract.debtor_id, contract.contract_number, contract.state,
        contract.segment AS was_segment, contract.step AS was_step, business_date, debtor.status AS debtor_status,
        contract.episode AS episodes, coalesce(owed.behind, 0) AS instalments_behind, {DELAY},
        contract.total_balance, contract.overdue_balance,
        coalesce(paid.instalments, 0) AS paid_instalments, coalesce(paid.late, 0) AS paid_late,
        coalesce(paid.average_late_days, 0) AS average_late_days,
        coalesce(floor(100 * money.received / nullif(money.received + contract.total_balance, 0)), 0)::integer
            AS paid_percent,
        coalesce(promises.broken, 0) AS broken_promises,
        CASE WHEN money.last_on IS NOT NULL THEN greatest(0, business_date - money.last_on) END AS days_since_payment,
        CASE WHEN reached.last_on IS NOT NULL THEN greatest(0, business_date - reached.last_on) END
            AS days_since_contact
    FROM ({contracts}) AS chosen
    JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id) JOIN debtor USING (debtor_id)
    LEFT JOIN LATERAL (
        SELECT count(*) AS behind FROM (
            SELECT due_on, unpaid FROM instalment
            WHERE instalment.contract_id = contract.contract_id AND contract.rescheduled_by IS NULL
            UNION ALL SELECT due_on, unpaid FROM ({parts_of("contract.rescheduled_by")}) AS part
        ) AS due
        WHERE unpaid > 0 AND due_on < business_date
    ) AS owed ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS instalments, count(*) FILTER (WHERE late > 0) AS late,
            round(avg(greatest(late, 0)))::integer AS average_late_days
        FROM (
            SELECT allocation.due_on, max(paid_on) - allocation.due_on AS late
            FROM payment_allocation AS allocation JOIN payment USING (payment_id)
            WHERE allocation.contract_id = contract.contract_id AND reversed_at IS NULL
            GROUP BY allocation.due_on
        ) AS due
        WHERE NOT EXISTS (SELECT FROM instalment WHERE instalment.contract_id = contract.contract_id
            AND instalment.due_on = due.due_on AND unpaid > 0)
    ) AS paid ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(amount), 0) AS received, max(paid_on) AS last_on FROM payment
        WHERE payment.contract_id = contract.contract_id AND reversed_at IS NULL
    ) AS money ON true
    LEFT JOIN LATERAL (
        SELECT count(*) AS broken FROM promise
        WHERE promise.contract_id = contract.contract_id AND promise.state = 'broken'
    ) AS promises ON true
    LEFT JOIN LATERAL (
        SELECT day AS last_on FROM contact_day
        WHERE contact_day.contract_id = contract.contract_id AND contacts > 0 ORDER BY day DESC LIMIT 1
    ) AS reached ON true"""


def bounds(facts: Iterable[StrEnum]) -> str:
    """SQL: the columns of the bounds that the jsonb ``item`` states for these facts."""
    return ", ".join(
        f"(item -> 'when' -> '{fact}' ->> '{end}')::numeric AS {fact}_{end}" for fact in facts for end in ("min", "max")
    )


def within(facts: Iterable[StrEnum]) -> str:
    """SQL: the row ``fact`` is within the bounds of these facts. An unknown fact is above every bound."""
    return "".join(
        f"""
        AND ({fact}_min IS NULL OR coalesce(fact.{fact} >= {fact}_min, true))
        AND ({fact}_max IS NULL OR coalesce(fact.{fact} <= {fact}_max, false))"""
        for fact in facts
    )


def rules(given: str) -> str:
    """SQL: a row for each rule of the jsonb ``given``, with its place from 1 and the bounds of each fact."""
    return f"""
    SELECT place, item ->> 'segment' AS segment, item -> 'when' -> 'debtor_status' AS statuses, {bounds(Fact)}
    FROM jsonb_array_elements({given}) WITH ORDINALITY AS listed (item, place)"""


_FITTING = f"""(statuses IS NULL OR statuses ? fact.debtor_status) {within(Fact)}"""
FITTED = f"""
    SELECT fact.*, first.segment, first.place AS rule
    FROM fact LEFT JOIN LATERAL (
        SELECT segment, place FROM rule WHERE {_FITTING} ORDER BY place LIMIT 1
    ) AS first ON true"""
# Where a rule begins or ceases to fit by time alone. Paused days only delay it.
_EDGES = " UNION ".join(
    f"SELECT '{fact}' AS fact, {fact}_min AS edge FROM rule UNION SELECT '{fact}', {fact}_max + 1 FROM rule"
    for fact in GROW_BY_THE_DAY
)
_VALUE = "CASE edges.fact {} END".format(" ".join(f"WHEN '{fact}' THEN fitted.{fact}" for fact in GROW_BY_THE_DAY))
EDGES = f"SELECT fact, edge FROM ({_EDGES}) AS every WHERE edge IS NOT NULL"
NEXT_EDGE = f"""
    (SELECT min(edge - {_VALUE}) FROM edges
    WHERE edge > {_VALUE}
        AND (edges.fact NOT IN ('days_past_due', 'debt_age_days') OR fitted.total_balance > 0))::integer"""

# $1 the contract, $2 the rules.
ONE = f"""
WITH rule AS MATERIALIZED ({rules("$2::jsonb")}
), fact AS MATERIALIZED ({facts("SELECT $1::uuid AS contract_id")})
{FITTED}
"""
# $1 the portfolio, $2 the rules, $3 how many examples of each move.
TRIAL = f"""
WITH rule AS MATERIALIZED ({rules("$2::jsonb")}
), fact AS MATERIALIZED ({
    facts("SELECT contract_id FROM contract WHERE contract.portfolio_id = $1 AND contract.state = 'open'")
}
), fitted AS MATERIALIZED ({FITTED})
SELECT was_segment AS from_segment, segment AS to_segment, count(*) AS contracts,
    sum(overdue_balance)::numeric(28, 2) AS overdue_balance,
    (array_agg(contract_number ORDER BY contract_number))[1:$3] AS contract_numbers
FROM fitted GROUP BY was_segment, segment ORDER BY was_segment NULLS FIRST, segment NULLS FIRST
"""

RULES = """
SELECT version, rules, words, changed_at, actor AS changed_by,
    NOT EXISTS (SELECT FROM judging_anew WHERE judging_anew.portfolio_id = $1) AS applied
FROM segment_rules WHERE portfolio_id = $1 ORDER BY version DESC LIMIT 1
"""
ADD_RULES = f"""
INSERT INTO segment_rules (portfolio_id, version, rules, words, actor)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, {CURRENT_ACTOR}
FROM segment_rules WHERE portfolio_id = $1
"""
JUDGE_ANEW = """
INSERT INTO judging_anew VALUES ($1, '00000000-0000-0000-0000-000000000000')
ON CONFLICT (portfolio_id) DO UPDATE SET judged_to = excluded.judged_to
"""
CONTRACT = """
SELECT portfolio_id, segment, segment_since, contract.state FROM contract WHERE contract_id = $1
"""
