"""The statements of the ladder. Each works on any number of contracts at once."""

from recobro_events.contracts.portfolio import ApproachStep

from portfolio.ladder.conditions import GROW_BY_THE_DAY, Fact
from portfolio.ledger.actors import CURRENT_ACTOR
from portfolio.segments.queries import DELAY, bounds, within

_ORDER = "ARRAY[{}]".format(", ".join(f"'{step}'" for step in ApproachStep))


def _place(step: str) -> str:
    """SQL: the place of a step on the ladder, from 1; 0 for none."""
    return f"coalesce(array_position({_ORDER}, {step}), 0)"


# The step that the contract has reached in its episode. A reversed payment may lead back to an earlier episode, whose
# steps are still there.
_REACHED = f"""
    SELECT step, since FROM contract_step
    WHERE contract_step.contract_id = contract.contract_id AND contract_step.episode = contract.episode
    ORDER BY {_place("step")} DESC LIMIT 1"""


def challenged(percent: str, version: str) -> str:
    """SQL: the person of the row ``contract`` is judged by the challenger. Null ``percent``: there is none.

    The hash spreads people evenly, and differently in each version of the ladder.
    """
    person = "(SELECT coalesce(person_id, debtor_id) FROM debtor WHERE debtor.debtor_id = contract.debtor_id)"
    hashed = f"left(md5({person} || ' ' || {version}), 8)"
    share = f"('x' || {hashed})::bit(32)::bigint % 100"
    return f"CASE WHEN {percent} IS NULL THEN false ELSE {share} < ({percent})::integer END"


def delayed(contracts: str) -> str:
    """SQL: the contracts whose ids the query ``contracts`` yields, as ``facts`` reads them."""
    return f"""
    SELECT contract_id, contract.debtor_id, contract_number, episode, contract.state, step AS was_step, segment,
        overdue_balance, total_balance, business_date, {DELAY}
    FROM ({contracts}) AS chosen JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)"""


def facts(contracts: str, given: str) -> str:
    """SQL: what a ladder asks of the rows of ``contracts``, such as ``delayed``, as ``Fact`` names it.

    ``reached`` is the step of the episode, null while nothing is overdue. ``sent`` are the notices of the episode.
    ``given`` is the ladder, as ``steps`` reads it; it decides whether a contract is ``challenged``.
    """
    return f"""
    SELECT contract.*,
        {challenged(f"{given} ->> 'percent'", f"({given} ->> 'version')")} AS challenged,
        reached.step AS reached, reached.since,
        coalesce(tried.attempts, 0) AS attempts, coalesce(tried.contacts, 0) AS contacts, answer.last_answer,
        business_date - reached.since AS days_since_step, sent.kinds AS sent
    FROM ({contracts}) AS contract
    LEFT JOIN LATERAL ({_REACHED}) AS reached ON contract.state = 'open' AND contract.overdue_balance > 0
    LEFT JOIN LATERAL (
        SELECT sum(attempts) AS attempts, sum(contacts) AS contacts FROM contact_day
        WHERE contact_day.contract_id = contract.contract_id AND day >= reached.since
    ) AS tried ON true
    LEFT JOIN LATERAL (
        SELECT last_answer FROM contact_day
        WHERE contact_day.contract_id = contract.contract_id ORDER BY day DESC LIMIT 1
    ) AS answer ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(DISTINCT kind), '{{}}') AS kinds FROM notice
        WHERE notice.contract_id = contract.contract_id AND notice.episode = contract.episode
    ) AS sent"""


def steps(given: str) -> str:
    """SQL: a row for each step of the ladder ``given`` (jsonb), with the bounds of each fact and the notices needed.

    ``of_challenger``: the step is one of the challenger's.
    """
    return f"""
    SELECT of = 'challenger' AS of_challenger, item ->> 'step' AS step, {_place("item ->> 'step'")} AS place,
        item -> 'when' -> 'segments' AS segments, item -> 'when' -> 'last_answer' AS answers,
        nullif(item -> 'allows', '{{}}') AS allows,
        ARRAY(SELECT jsonb_array_elements_text(item -> 'notices')) AS notices, {bounds(Fact)}
    FROM unnest('{{steps,challenger}}'::text[]) AS of, jsonb_array_elements({given} -> of) AS listed (item)"""


_OF_CODES = """(next.segments IS NULL OR coalesce(next.segments ? fact.segment, false))
        AND (next.answers IS NULL OR coalesce(next.answers ? fact.last_answer, false))"""
# One step a business date: each is seen, and none is jumped over.
_FITS = f"""fact.since IS DISTINCT FROM business_date AND next.notices <@ fact.sent
        AND {_OF_CODES}{within(Fact)}"""
# The days until the last of the conditions that time alone fulfils. A second step needs a day.
_WAIT = "greatest({}, CASE WHEN fact.since = business_date THEN 1 END)".format(
    ", ".join(f"CASE WHEN fact.{fact} < {fact}_min THEN {fact}_min - fact.{fact} END" for fact in GROW_BY_THE_DAY)
)
# Whether all conditions hold but those of time and notices.
_OTHERWISE = f"""{_OF_CODES}{within(fact for fact in Fact if fact not in GROW_BY_THE_DAY)}"""
# ``to_step`` is where the contract stands then, with what that step allows. A step that the ladder leaves out allows
# what the gentler one before it does.
CLIMBED = f"""
    SELECT fact.*, next.step AS next_step, next.notices, coalesce({_OTHERWISE}, false) AS otherwise_met,
        {_WAIT}::integer AS wait, climbs, to_step, (
            SELECT allows FROM rung WHERE of_challenger = challenged AND place <= {_place("to_step")}
            ORDER BY place DESC LIMIT 1) AS allows
    FROM fact LEFT JOIN LATERAL (
        SELECT * FROM rung WHERE of_challenger = challenged AND place > {_place("fact.reached")} ORDER BY place LIMIT 1
    ) AS next ON fact.overdue_balance > 0 AND state = 'open'
    CROSS JOIN LATERAL (SELECT coalesce({_FITS}, false) AS climbs) AS fits
    CROSS JOIN LATERAL (SELECT CASE WHEN climbs THEN next.step ELSE fact.reached END AS to_step) AS stands"""

# $1 the contract, $2 the ladder.
ONE = f"""
WITH rung AS MATERIALIZED ({steps("$2::jsonb")}
), fact AS MATERIALIZED ({facts(delayed("SELECT $1::uuid AS contract_id"), "$2::jsonb")})
{CLIMBED}
"""
# $1 the portfolio, $2 the ladder, $3 how many examples of each move.
TRIAL = f"""
WITH rung AS MATERIALIZED ({steps("$2::jsonb")}
), fact AS MATERIALIZED ({
    facts(
        delayed("SELECT contract_id FROM contract WHERE contract.portfolio_id = $1 AND contract.state = 'open'"),
        "$2::jsonb",
    )
}
), climbed AS MATERIALIZED ({CLIMBED})
SELECT challenged, was_step AS from_step, to_step, count(*) AS contracts,
    sum(overdue_balance)::numeric(28, 2) AS overdue_balance,
    (array_agg(contract_number ORDER BY contract_number))[1:$3] AS contract_numbers
FROM climbed GROUP BY 1, 2, 3 ORDER BY challenged, {_place("was_step")}, {_place("to_step")}
"""

LADDER = """
SELECT version, steps, challenger, words, changed_at, actor AS changed_by,
    NOT EXISTS (SELECT FROM judging_anew WHERE judging_anew.portfolio_id = $1) AS applied
FROM ladder WHERE portfolio_id = $1 ORDER BY version DESC LIMIT 1
"""
ADD_LADDER = f"""
INSERT INTO ladder (portfolio_id, version, steps, words, challenger, began_on, actor)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4,
    (SELECT business_date FROM portfolio WHERE portfolio_id = $1), {CURRENT_ACTOR}
FROM ladder WHERE portfolio_id = $1
"""
JURISDICTION = "SELECT jurisdiction FROM portfolio WHERE portfolio_id = $1"

CONTRACT = "SELECT portfolio_id FROM contract WHERE contract_id = $1"
_NOTICE = """
SELECT notice_id, contract_id, episode, kind, channel, sent_on, registered_number, receipt_sha256, receipt_type,
    receipt_bytes, document, recorded_at, actor AS recorded_by
FROM notice
"""
NOTICES = f"{_NOTICE} WHERE contract_id = $1 ORDER BY recorded_at, notice_id"
NOTICE = f"{_NOTICE} WHERE notice_id = $1"
SENT = "SELECT kind, min(sent_on) AS sent_on FROM notice WHERE contract_id = $1 AND episode = $2 GROUP BY kind"
COUNT_NOTICES = "SELECT count(*) FROM notice WHERE contract_id = $1"
ADD_NOTICE = """
INSERT INTO notice (notice_id, contract_id, episode, kind, channel, sent_on, registered_number, receipt_sha256,
    document)
VALUES (coalesce($9, uuidv7()), $1, $2, $3, $4, $5, $6, $7, $8) RETURNING notice_id
"""
# The step of the episode that a notice shows. $1 contract, $2 episode, $3 step, $4 business date, $5 ladder version.
REACH = """
INSERT INTO contract_step (contract_id, episode, step, since, ladder_version) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""
REACHED = f"""
SELECT reached.step FROM contract CROSS JOIN LATERAL ({_REACHED}) AS reached
WHERE contract_id = $1 AND contract.state = 'open' AND overdue_balance > 0
"""
# $1 the contract, $2 the ladder, $3 the step.
SET_STEP = f"""
WITH rung AS MATERIALIZED ({steps("$2::jsonb")}
), fact AS MATERIALIZED ({facts(delayed("SELECT $1::uuid AS contract_id"), "$2::jsonb")})
UPDATE contract SET step = $3, allows = (
    SELECT allows FROM rung WHERE of_challenger = challenged AND place <= {_place("$3")} ORDER BY place DESC LIMIT 1)
FROM fact WHERE contract.contract_id = $1 RETURNING contract.allows
"""
