"""The statements that choose whom the desk works, and in which order."""

from collections.abc import Callable
from typing import Any

from projections import steps
from projections.placements import WITH_AGENCY

from portfolio.desk.conditions import WorklistConditions

AGES = {0: "0.80", 31: "0.50", 61: "0.30", 91: "0.15", 181: "0.05"}
"""The first day of each age of a debt, and the cure rate where too few are known. No source prescribes them."""
KNOWN_DAYS = 180
ENOUGH_ENDED = 20
"""A rate says nothing before so many contracts were cured or closed. At first all that are late are late still."""

_OF_CONTRACT = "{0}.contract_id = contract.contract_id"
_PAID_UNTIL = """greatest(payment.silent_until, CASE WHEN payment_holdoff_days > 0
        THEN coalesce(holdoff_from, payment.business_date) + payment_holdoff_days - 1 END)"""


def _is(table: str, condition: str) -> str:
    return f"EXISTS (SELECT FROM {table} WHERE {_OF_CONTRACT.format(table.rpartition(' ')[2])} AND {condition})"


# Conditions of the rows ``contract``, ``portfolio`` and ``debtor``.
SILENCES = {
    "closed": "contract.state <> 'open'",
    "nothing_overdue": "contract.overdue_balance = 0",
    "deceased": "debtor.status = 'deceased'",
    "represented": "debtor.status = 'represented'",
    "unknown_state": f"(contract.undecided_by IS NOT NULL OR {_is('set_aside', 'true')})",
    "clarification": _is("clarification", "(clarification.state = 'open' OR NOT contact_may_resume)"),
    "paused": _is("pause", "portfolio.business_date BETWEEN starts_on AND coalesce(ends_on, 'infinity')"),
    "promise": _is("promise", "promise.state = 'open' AND promise.silent_until >= portfolio.business_date"),
    "payment": _is("payment", f"reversed_at IS NULL AND {_PAID_UNTIL} >= portfolio.business_date"),
    "payment_claimed": _is(
        "contract_history claim",
        """claim.kind = 'payment_claimed' AND (claim.data -> 'effective') IS DISTINCT FROM 'false'
            AND claim.business_date > portfolio.business_date - payment_holdoff_days""",
    ),
    "step": f"{steps.forbids('call')} AND {steps.forbids('message')}",
    "with_agency": _is("placement", f"placement.kind = 'collection' AND placement.{WITH_AGENCY}"),
}
"""Why the desk leaves a contract alone: nobody may contact its debtor, an agency collects, or nothing is to be done."""

_REASONS = ", ".join(f"CASE WHEN {condition} THEN '{reason}' END" for reason, condition in SILENCES.items())
_WORKABLE = " AND ".join(f"NOT ({condition})" for condition in SILENCES.values())
_AGE = "portfolio.business_date - contract.oldest_due_on"
_AGE_FROM = "CASE {} ELSE 0 END".format(
    " ".join(f"WHEN {_AGE} >= {first} THEN {first}" for first in sorted(AGES, reverse=True) if first)
)
_USUAL = "CASE {} END".format(" ".join(f"WHEN {_AGE} >= {first} THEN {AGES[first]}" for first in reversed(AGES)))
# The rate of the contract's segment and age; of its age alone, where too few of the segment are known; else the usual.
_RATED = f"""
    LEFT JOIN cure_rate AS own ON own.portfolio_id = contract.portfolio_id
        AND own.segment = coalesce(contract.segment, '-') AND own.age_from = {_AGE_FROM} AND own.ended >= {ENOUGH_ENDED}
    LEFT JOIN cure_rate AS every ON every.portfolio_id = contract.portfolio_id
        AND every.segment = '' AND every.age_from = {_AGE_FROM} AND every.ended >= {ENOUGH_ENDED}"""
_RATE = f"""coalesce(round(own.cured::numeric / own.known, 4), round(every.cured::numeric / every.known, 4),
        {_USUAL}, 0)"""
PERSON = "coalesce(debtor.person_id, debtor.debtor_id)"


def adding_to(arguments: list[Any]) -> Callable[[Any], str]:
    """A function that adds a value to the arguments of a statement and returns its parameter."""

    def given(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    return given


def matching(conditions: WorklistConditions, given: Callable[[Any], str]) -> str:
    """SQL: whether the row ``contract`` meets the conditions. ``given`` makes a parameter of a value."""
    met = []
    for column, codes in (
        ("segment", conditions.segments),
        ("step", conditions.steps),
        ("stage", conditions.stages),
    ):
        if codes is not None:
            met.append(f"contract.{column} = ANY({given(list(codes))}::text[])")
    for value, span in (("contract.overdue_balance", conditions.overdue_balance), (_AGE, conditions.debt_age_days)):
        if span is not None and span.min is not None:
            met.append(f"{value} >= {given(span.min)}::bigint")
        if span is not None and span.max is not None:
            met.append(f"{value} <= {given(span.max)}::bigint")
    if conditions.promise_broken_days is not None:
        since = f"silent_until >= portfolio.business_date - {given(conditions.promise_broken_days)}::integer"
        met.append(_is("promise", f"promise.state = 'broken' AND promise.{since}"))
    if conditions.payment_claimed:
        unpaid = _is("payment", "reversed_at IS NULL AND payment.business_date >= claim.business_date")
        met.append(_is("contract_history claim", f"claim.kind = 'payment_claimed' AND NOT {unpaid}"))
    if conditions.no_contact_days is not None:
        days = given(conditions.no_contact_days)
        met.append(f"NOT {_is('contact_day', f'contacts > 0 AND day > portfolio.business_date - {days}::integer')}")
    if conditions.address_to_review:
        met.append(_is("address", "address.issues <> '{}'"))
    return " AND ".join(met) or "true"


_FROM = "FROM contract JOIN portfolio USING (portfolio_id) JOIN debtor USING (debtor_id)"

REFRESH_RATES = f"""
WITH stale AS MATERIALIZED (
    SELECT portfolio_id, business_date FROM portfolio
    WHERE business_date IS NOT NULL AND ($1::uuid[] IS NULL OR portfolio_id = ANY($1))
        AND NOT EXISTS (SELECT FROM cure_rate WHERE cure_rate.portfolio_id = portfolio.portfolio_id
            AND day = business_date)
), known AS MATERIALIZED (
    SELECT portfolio_id, segment, age_days, true AS ended, to_overdue = 0 AND to_stage <> 'closed' AS cured
    FROM stale JOIN contract_movement USING (portfolio_id)
    WHERE day > business_date - {KNOWN_DAYS} AND from_overdue > 0 AND age_days IS NOT NULL
        AND (to_overdue = 0 OR to_stage = 'closed')
    UNION ALL
    SELECT portfolio_id, segment, business_date - oldest_due_on, false, false
    FROM stale JOIN contract USING (portfolio_id) WHERE contract.state = 'open' AND overdue_balance > 0
)
INSERT INTO cure_rate (portfolio_id, segment, age_from, day, known, ended, cured)
SELECT portfolio_id, of.segment, age_from, business_date, count(*), count(*) FILTER (WHERE ended),
    count(*) FILTER (WHERE cured)
FROM known JOIN stale USING (portfolio_id) JOIN unnest('{{{",".join(map(str, AGES))}}}'::integer[]) AS age (age_from)
    ON age_days >= age_from
CROSS JOIN LATERAL (VALUES (coalesce(known.segment, '-')), ('')) AS of (segment)
GROUP BY portfolio_id, of.segment, age_from, business_date ORDER BY portfolio_id, of.segment, age_from
ON CONFLICT (portfolio_id, segment, age_from) DO UPDATE SET
    day = excluded.day, known = excluded.known, ended = excluded.ended, cured = excluded.cured
"""


def fill(matches: str) -> str:
    """SQL: the worklist $1, with the portfolios $2 or all where null, has these people now."""
    return f"""
WITH person AS MATERIALIZED (
    SELECT {PERSON} AS person_id, sum(round(contract.overdue_balance * {_RATE}, 2)) AS expected_value,
        sum(contract.overdue_balance) AS overdue_balance, count(*) AS contracts
    {_FROM} {_RATED}
    WHERE {_WORKABLE} AND ($2::uuid[] IS NULL OR contract.portfolio_id = ANY($2))
    GROUP BY 1 HAVING bool_or({matches})
), gone AS (
    DELETE FROM worklist_person AS known
    WHERE worklist_id = $1 AND NOT EXISTS (SELECT FROM person WHERE person.person_id = known.person_id)
), changed AS (
    UPDATE worklist_person AS known
    SET expected_value = person.expected_value, overdue_balance = person.overdue_balance, contracts = person.contracts
    FROM person
    WHERE known.worklist_id = $1 AND known.person_id = person.person_id
        AND (known.expected_value, known.overdue_balance, known.contracts)
            IS DISTINCT FROM (person.expected_value, person.overdue_balance, person.contracts)
)
INSERT INTO worklist_person (worklist_id, person_id, expected_value, overdue_balance, contracts)
SELECT $1, person_id, expected_value, overdue_balance, contracts FROM person
WHERE NOT EXISTS (SELECT FROM worklist_person AS known
    WHERE known.worklist_id = $1 AND known.person_id = person.person_id)
"""


LONG = "SELECT set_config('statement_timeout', $1, true)"
TO_FILL = "SELECT worklist_id FROM worklist WHERE wanted_at IS NOT NULL ORDER BY wanted_at, worklist_id"
# Since when worklists wait to be filled, and people for a supervisor, in Unix time; 0 where none waits.
WAITING_SINCE = """
SELECT coalesce(extract(epoch FROM (SELECT min(wanted_at) FROM worklist WHERE wanted_at IS NOT NULL)), 0)::float8
        AS to_fill,
    coalesce(extract(epoch FROM (SELECT min(ended_at) FROM desk_item WHERE state = 'escalated')), 0)::float8
        AS escalated
"""
LOCK_FILLING = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 20261201))"
WANTED = """
SELECT active, conditions, portfolio_ids, wanted_at FROM worklist WHERE worklist_id = $1 AND wanted_at IS NOT NULL
"""
# $2 now, $3 since when the filling was wanted that has been done. It returns whether the worklist is active still.
FILLED = """
UPDATE worklist SET filled_at = $2, wanted_at = CASE WHEN wanted_at <> $3 THEN wanted_at END
WHERE worklist_id = $1 RETURNING active
"""
EMPTY = "DELETE FROM worklist_person WHERE worklist_id = $1"
# $2 now, $3 the moment before which it must have been filled last. Nobody waits for who wants it too.
WANT = """
UPDATE worklist SET wanted_at = $2 WHERE worklist_id IN (
    SELECT worklist_id FROM worklist
    WHERE worklist_id = $1 AND wanted_at IS NULL AND filled_at < $3 FOR NO KEY UPDATE SKIP LOCKED)
"""
TO_GIVE = """
SELECT worklist_id, active, conditions, portfolio_ids, filled_at, wanted_at FROM worklist WHERE worklist_id = $1
"""
IS_WANTED = "SELECT wanted_at IS NOT NULL FROM worklist WHERE worklist_id = $1"

# $1 operator. Two requests of one operator get one item.
LOCK_OPERATOR = "SELECT pg_advisory_xact_lock(hashtextextended($1, 20261130))"
EXPIRE = """
UPDATE desk_item SET state = 'expired', ended_at = until WHERE item_id IN (
    SELECT item_id FROM desk_item WHERE state = 'given' AND until <= $1 ORDER BY item_id FOR UPDATE SKIP LOCKED)
"""
HELD = "SELECT * FROM desk_item WHERE operator = $1 AND state = 'given' FOR UPDATE"
# $2 now, $3 people that are left out.
FIRST_FREE = """
SELECT person_id FROM worklist_person AS waiting
WHERE worklist_id = $1 AND person_id <> ALL($3::uuid[])
    AND NOT EXISTS (SELECT FROM desk_item WHERE desk_item.person_id = waiting.person_id
        AND desk_item.state IN ('given', 'escalated'))
    AND NOT EXISTS (SELECT FROM desk_rest WHERE desk_rest.person_id = waiting.person_id AND not_before > $2)
ORDER BY expected_value DESC, person_id LIMIT 1
"""
# The contracts of the person, locked: a payment or a dispute is known before, or takes the item back afterwards.
LOCK_CONTRACTS = """
SELECT contract_id FROM contract
WHERE debtor_id IN (SELECT debtor_id FROM debtor WHERE person_id = $1 OR (debtor_id = $1 AND person_id IS NULL))
ORDER BY contract_id FOR SHARE
"""
WORKABLE = f"SELECT contract_id {_FROM} WHERE contract_id = ANY($1::uuid[]) AND {_WORKABLE}"
WITH_OTHERS = """
SELECT EXISTS (SELECT FROM desk_item WHERE state IN ('given', 'escalated') AND contract_ids && $1::uuid[])
"""


def match(matches: str) -> str:
    """SQL: those of the contracts $1 that meet the conditions."""
    return f"""
SELECT contract_id {_FROM} WHERE contract_id = ANY($1::uuid[])
    AND ($2::uuid[] IS NULL OR contract.portfolio_id = ANY($2)) AND {matches}"""


# Nobody waits for a filling: a person whom it has locked is passed again next time.
LEAVES = """
DELETE FROM worklist_person WHERE ctid IN (
    SELECT ctid FROM worklist_person WHERE worklist_id = $1 AND person_id = $2 FOR UPDATE SKIP LOCKED)
"""
# The index of who has whom decides: of two transactions one waits, and then gives nothing.
GIVE = f"""
INSERT INTO desk_item (worklist_id, person_id, contract_ids, operator, expected_value, given_at, until)
SELECT $1, $2, $3::uuid[], $4, (
    SELECT coalesce(sum(round(contract.overdue_balance * {_RATE}, 2)), 0) {_FROM} {_RATED}
    WHERE contract_id = ANY($3)), $5, $6
ON CONFLICT (person_id) WHERE state IN ('given', 'escalated') DO NOTHING RETURNING *
"""
# The contracts $1, the most valuable first.
CONTRACTS = f"""
SELECT contract.contract_id, contract_number, contract.portfolio_id, debtor_name, contract.stage, contract.step,
    contract.allows, contract.segment, {_AGE} AS debt_age_days, contract.overdue_balance, contract.total_balance,
    portfolio.currency,
    {_RATE} AS cure_rate, coalesce(own.known, every.known) AS cure_rate_of,
    round(contract.overdue_balance * {_RATE}, 2) AS expected_value, array_remove(ARRAY[{_REASONS}], NULL) AS silences
{_FROM} {_RATED}
WHERE contract_id = ANY($1::uuid[]) ORDER BY expected_value DESC, contract_number, contract_id
"""
