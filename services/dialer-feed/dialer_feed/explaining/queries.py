"""SQL that shows a list to people: its contracts page by page, why one is on it or not, and what the next would be.

The reasons are those of ``lists.eligibility``, so an explanation cannot disagree with the builder.
"""

from typing import Final

from projections import convenience, silence
from projections.contracts import person

from dialer_feed.lists import frequency, ordering, others, phones
from dialer_feed.lists.eligibility import (
    BALANCE,
    DAYS_PAST_DUE,
    HANDED_OVER,
    HOLDOFF_DAYS,
    IN_SCOPE,
    IS_PREVENTIVE,
    NOT_DUE_SOON,
    NOT_PLACED,
    ON_DATE,
    OUT_OF_SEGMENT,
    OUT_OF_STEP,
    OWES_ENOUGH,
    REPORTED,
    STEP_FORBIDS,
    reason,
)

# An agency's request may read only some columns of an entry, so each is named.
# What a list is ordered by, with the type of the cursor's value.
SORTED_BY: Final = {
    "contract_number": "text",
    "overdue_balance": "numeric",
    "days_past_due": "integer",
    "place": "integer",
    "withdrawn_at": "timestamptz",
}
_ACKNOWLEDGED = """
(SELECT min(acknowledged_at) FROM acknowledgement
    WHERE acknowledgement.list_id = entry.list_id
        AND entry.cursor > acknowledgement.after_cursor AND entry.cursor <= acknowledgement.up_to_cursor)
"""
_STATUS = "CASE WHEN entry.lead_id IS NOT NULL AND entry.status = 'listed' THEN 'named' ELSE entry.status END"


def _page(column: str, kind: str, order: str) -> str:
    beyond = ">" if order == "asc" else "<"
    only = f"AND {column} IS NOT NULL" if column in ("withdrawn_at", "place") else ""
    return f"""
WITH entry AS (
    SELECT list_id, contract_id, contract_number, overdue_balance, days_past_due, status, reason, caused_at,
        withdrawn_at, cursor, lead_id, place
    FROM list_entry
    WHERE list_id = $1 AND ($2::text IS NULL OR CASE $2 WHEN 'withdrawn' THEN status = 'withdrawn'
            ELSE status = 'listed' AND (lead_id IS NOT NULL) = ($2 = 'named') END)
        AND ($3::text IS NULL OR contract_number = $3) AND ($4::text IS NULL OR reason = $4)
        AND ($5::{kind} IS NULL OR ({column}, contract_id) {beyond} ($5::{kind}, $6::uuid)) {only}
    ORDER BY {column} {order}, contract_id {order} LIMIT $7
)
SELECT entry.contract_id, entry.contract_number, contract.name, contract.portfolio_id, entry.overdue_balance,
    entry.days_past_due, entry.place, {_STATUS} AS status, entry.reason, entry.caused_at, entry.withdrawn_at,
    {_ACKNOWLEDGED} AS acknowledged_at, lead.contract_number AS named_by
FROM entry
LEFT JOIN contract USING (contract_id)
LEFT JOIN list_entry lead ON lead.contract_id = entry.lead_id AND lead.list_id = entry.list_id
ORDER BY entry.{column} {order}, entry.contract_id {order}
"""


# $1 list, $2 status, $3 contract number, $4 reason, $5 and $6 the key before the page, $7 the most rows.
PAGE = {(column, order): _page(column, kind, order) for column, kind in SORTED_BY.items() for order in ("asc", "desc")}

NAMED_CONTRACTS = """
SELECT contract_id FROM contract WHERE contract_number = $1 ORDER BY contract_id LIMIT 2
"""
# The list's row as the fragments expect it; $1 campaign, $2 business date.
_OF_CAMPAIGN = """
dialing_list AS MATERIALIZED (
    SELECT '00000000-0000-0000-0000-000000000000'::uuid AS list_id, $1::uuid AS campaign_id, $2::date AS business_date)
"""
_OUT_OF_STAGE = "CASE WHEN contract.stage = ANY (campaign.stages) IS NOT TRUE THEN 'stage' END"
_TOO_LITTLE = f"""CASE WHEN {OWES_ENOUGH} IS NOT TRUE
    THEN CASE WHEN {IS_PREVENTIVE} THEN 'min_total' ELSE 'min_overdue' END END"""
_NOT_DUE = f"CASE WHEN {NOT_DUE_SOON} THEN 'due' END"
_OUT_OF_SEGMENT = f"CASE WHEN {OUT_OF_SEGMENT} THEN 'segment' END"
_OUT_OF_STEP = f"CASE WHEN {OUT_OF_STEP} THEN 'step' END"
_NO_PHONE = f"CASE WHEN NOT EXISTS ({phones.dialable('1', phones.OF_CAMPAIGN)}) THEN 'no_phone' END"
_SILENCES = f"{silence.always(ON_DATE, HOLDOFF_DAYS)}, {REPORTED}, {silence.on_day(ON_DATE, HOLDOFF_DAYS)}"
_PLACEMENT = f"CASE {NOT_PLACED} WHEN 'recall' THEN 'recall' WHEN 'no_longer_eligible' THEN 'not_placed' END"
_COLLECTED = f"CASE WHEN {HANDED_OVER} IS NOT NULL THEN 'collection' END"
_BY_LADDER = f"CASE WHEN {STEP_FORBIDS} THEN 'ladder' END"
_INCONVENIENT = f"CASE WHEN {convenience.refuses('call')} THEN 'inconvenient' END"
_UNKNOWN = "CASE WHEN contract.details_version < 0 THEN 'unknown_state' END"

_FIRST_RULE = f"""coalesce({_SILENCES}, {_INCONVENIENT}, {_PLACEMENT}, {_COLLECTED}, {_BY_LADDER}, {_NO_PHONE},
    {_UNKNOWN}, {_OUT_OF_STAGE}, {_OUT_OF_SEGMENT}, {_OUT_OF_STEP}, {_NOT_DUE}, {_TOO_LITTLE})"""


def _deciding(contract_id: str) -> str:
    """SQL: the contract whose place on list $1 decides about this one, where people have entries and a size cuts.

    It is the one that has the person's entry. Without an entry it is the one that would lead, by what is known now.
    """
    return f"""
SELECT contract.contract_id, contract.contract_number, of_lead.place, {ordering.FIRST} AS first,
    {ordering.SECOND} AS second, count(*) OVER () AS together
FROM dialing_list list
JOIN campaign USING (campaign_id)
JOIN contract asked ON asked.contract_id = {contract_id}
JOIN portfolio of_asked ON of_asked.portfolio_id = asked.portfolio_id
JOIN contract ON {person()} = {person("asked")}
JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id AND {others.purse()} = {others.purse("of_asked")}
LEFT JOIN contacted ON contacted.person_id = {person()}
LEFT JOIN list_entry of_lead
    ON of_lead.contract_id = contract.contract_id AND of_lead.list_id = list.list_id AND of_lead.lead_id IS NULL
WHERE list.list_id = $1 AND campaign.one_entry_per = 'person' AND campaign.daily_size IS NOT NULL
    AND (contract.contract_id = asked.contract_id OR of_lead.place IS NOT NULL
        OR {IN_SCOPE} AND contract.state = 'open' AND {_FIRST_RULE} IS NULL)
ORDER BY of_lead.place IS NULL, {BALANCE} DESC NULLS LAST, {DAYS_PAST_DUE} DESC NULLS LAST, contract.contract_number,
    contract.contract_id
LIMIT 1
"""


_IS_TOGETHER = f"deciding.together <= {others.MOST_TOGETHER}"
_ORDER_VALUE = f"CASE WHEN {_IS_TOGETHER} THEN deciding.first ELSE {ordering.FIRST} END"
_LEFT_OUT = f"""CASE WHEN {_IS_TOGETHER}
    THEN deciding.place IS NULL AND {ordering.left_out("deciding.first", "deciding.second", "deciding.contract_number")}
    ELSE {ordering.left_out(ordering.FIRST, ordering.SECOND, "contract.contract_number")} END"""
# What a list of the campaign would hold on the day, by what is known now. $3 … $8: the limits of call frequency. The
# daily size takes entries, and each with all that it names.
PREVIEW = f"""
WITH {_OF_CAMPAIGN}, barred AS MATERIALIZED ({frequency.barred("list.campaign_id = $1", 3)}),
contacted AS MATERIALIZED ({ordering.contacted("list.campaign_id = $1")}), judged AS MATERIALIZED (
    SELECT coalesce({_FIRST_RULE},
            CASE WHEN EXISTS (SELECT FROM barred WHERE barred.person_id = {person()}) THEN 'frequency' END) AS rule,
        contract.contract_id, contract.contract_number, contract.overdue_balance, campaign.one_entry_per,
        campaign.daily_size, {person()} AS person_id,
        {others.purse()} AS purse,
        {BALANCE} AS balance, {DAYS_PAST_DUE} AS days, {ordering.FIRST} AS first, {ordering.SECOND} AS second
    FROM dialing_list list
    JOIN campaign USING (campaign_id)
    JOIN portfolio ON {IN_SCOPE}
    JOIN contract ON contract.portfolio_id = portfolio.portfolio_id AND contract.state = 'open'
    LEFT JOIN contacted ON contacted.person_id = {person()}
), led AS (
    SELECT *, CASE WHEN one_entry_per = 'person' AND count(*) OVER together <= {others.MOST_TOGETHER}
        THEN first_value(contract_id) OVER (
            PARTITION BY person_id, purse ORDER BY balance DESC, days DESC, contract_number, contract_id)
        ELSE contract_id END AS lead_id
    FROM judged WHERE rule IS NULL WINDOW together AS (PARTITION BY person_id, purse)
), placed AS (
    SELECT contract_id, row_number() OVER (
        ORDER BY {ordering.order("first", "second", "contract_number", "contract_id")}) AS place
    FROM led WHERE lead_id = contract_id
), ruled AS (
    SELECT CASE WHEN placed.place > led.daily_size THEN 'daily_size' END AS rule, led.overdue_balance,
        led.lead_id = led.contract_id AS is_entry
    FROM led JOIN placed ON placed.contract_id = led.lead_id
    UNION ALL
    SELECT rule, overdue_balance, false FROM judged WHERE rule IS NOT NULL
)
SELECT rule, count(*)::integer AS contracts, sum(overdue_balance) AS overdue_balance,
    (count(*) FILTER (WHERE is_entry))::integer AS entries
FROM ruled GROUP BY rule ORDER BY contracts DESC, rule
"""

# Everything about one contract that decides. $1 list, $2 contract, $3 … $8 the limits of call frequency.
EXPLAIN = f"""
WITH barred AS MATERIALIZED ({frequency.barred("list.list_id = $1", 3, of_contract="$2::uuid")}),
contacted AS MATERIALIZED ({ordering.contacted("list.list_id = $1", of_contract="$2::uuid")})
SELECT contract.contract_id, contract.contract_number, contract.state, contract.status, contract.stage,
    contract.overdue_balance, {ON_DATE} AS judged_on, {reason()} AS bars,
    coalesce({silence.on_day(ON_DATE, HOLDOFF_DAYS)}) AS by_day, {REPORTED} AS reported,
    {_INCONVENIENT} AS wants_no_calls, contract.conveniences,
    {_PLACEMENT} AS placement, {_COLLECTED} AS collection, {_OUT_OF_STAGE} AS out_of_stage,
    {_TOO_LITTLE} AS too_little, {IN_SCOPE} AS in_scope, campaign.stages,
    {_OUT_OF_SEGMENT} AS out_of_segment, campaign.segments, contract.segment,
    {_BY_LADDER} AS by_ladder, contract.allows,
    {_OUT_OF_STEP} AS out_of_step, campaign.steps, contract.step, campaign.min_overdue,
    campaign.kind, {_NOT_DUE} AS not_due, contract.oldest_due_on, campaign.due_within_days, contract.total_balance,
    campaign.min_total, campaign.list_order, campaign.daily_size, {_ORDER_VALUE} AS order_value,
    list.cut_at[1] AS cut_value, entry.list_id IS NULL AND {_LEFT_OUT} AS left_out,
    coalesce(entry.place, deciding.place) AS place,
    CASE WHEN {_IS_TOGETHER} THEN deciding.contract_number END AS decided_by,
    campaign.agency_id, campaign.payment_holdoff_days, contract.details_version >= 0 AS is_known,
    (SELECT count(*)::integer FROM ({phones.dialable("phone.contact_id", phones.OF_CAMPAIGN)}) AS usable) AS phones,
    EXISTS (SELECT FROM barred) AS is_barred,
    (SELECT coalesce(jsonb_agg(to_jsonb(silent) ORDER BY silent.since, silent.silence_id), '[]')
        FROM ({silence.each(ON_DATE)}) AS silent) AS silences,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'agency_id', agency_id, 'state', state,
            'starts_on', starts_on, 'ends_on', ends_on) ORDER BY starts_on, placement_id), '[]')
        FROM placement WHERE placement.contract_id = contract.contract_id) AS placements,
    (SELECT coalesce(jsonb_agg(to_jsonb(contact) ORDER BY contact.on_day), '[]') FROM (
        SELECT 'call' AS kind, call.business_date AS on_day, call.right_party
        FROM call_result call JOIN contract other USING (contract_id)
        WHERE {person("other")} = {person()} AND call.attempt
            AND call.business_date BETWEEN list.business_date - 6 AND list.business_date
        UNION ALL
        SELECT 'visit', visit.visit_on, visit.met_debtor
        FROM visit JOIN contract other USING (contract_id)
        WHERE {person("other")} = {person()} AND visit.made
            AND visit.visit_on BETWEEN list.business_date - 6 AND list.business_date
        UNION ALL
        SELECT own_call.medium, own_call.business_date, own_call.right_party
        FROM own_call JOIN contract other USING (contract_id)
        WHERE {person("other")} = {person()}
            AND own_call.business_date BETWEEN list.business_date - 6 AND list.business_date
        LIMIT 100) AS contact) AS contacts,
    {_STATUS} AS entry_status, entry.reason AS entry_reason, entry.withdrawn_at, lead.contract_number AS named_by
FROM dialing_list list
JOIN campaign USING (campaign_id)
JOIN contract ON contract.contract_id = $2
LEFT JOIN portfolio USING (portfolio_id)
LEFT JOIN list_entry entry ON entry.contract_id = contract.contract_id AND entry.list_id = list.list_id
LEFT JOIN list_entry lead ON lead.contract_id = entry.lead_id AND lead.list_id = entry.list_id
LEFT JOIN contacted ON true
LEFT JOIN LATERAL ({_deciding("$2")}) AS deciding ON true
WHERE list.list_id = $1
"""

_BOTH = """
newer AS (SELECT contract_id, overdue_balance FROM list_entry WHERE list_id = $1),
older AS (SELECT contract_id, overdue_balance FROM list_entry WHERE list_id = $2)
"""
DIFFERENCE = f"""
WITH {_BOTH}
SELECT count(*) FILTER (WHERE older.contract_id IS NULL)::integer AS added,
    count(*) FILTER (WHERE newer.contract_id IS NULL)::integer AS gone,
    count(*) FILTER (WHERE newer.contract_id = older.contract_id)::integer AS stayed,
    coalesce(sum(newer.overdue_balance) FILTER (WHERE older.contract_id IS NULL), 0) AS overdue_added,
    coalesce(sum(older.overdue_balance) FILTER (WHERE newer.contract_id IS NULL), 0) AS overdue_gone
FROM newer FULL JOIN older USING (contract_id)
"""


def _only_on(first: str, second: str) -> str:
    """SQL: the contracts of one list that the other does not have, with why the newer list would not take them now."""
    return f"""
WITH contacted AS MATERIALIZED ({ordering.contacted("list.list_id = $1")}), mine AS MATERIALIZED (
    SELECT contract_id, contract_number, overdue_balance, days_past_due
    FROM list_entry entry
    WHERE list_id = {first}
        AND NOT EXISTS (SELECT FROM list_entry theirs
            WHERE theirs.contract_id = entry.contract_id AND theirs.list_id = {second})
        AND ($3::text IS NULL OR (contract_number, contract_id) > ($3, $4))
    ORDER BY contract_number, contract_id LIMIT $5
)
SELECT mine.contract_id, mine.contract_number, contract.name, mine.overdue_balance, mine.days_past_due,
    {reason()} AS reason, coalesce({_FIRST_RULE}, CASE WHEN {_LEFT_OUT} THEN 'daily_size' END) AS rule
FROM mine
JOIN dialing_list list ON list.list_id = $1
JOIN campaign USING (campaign_id)
LEFT JOIN contract ON contract.contract_id = mine.contract_id
LEFT JOIN portfolio USING (portfolio_id)
LEFT JOIN contacted ON contacted.person_id = {person()}
LEFT JOIN LATERAL ({_deciding("mine.contract_id")}) AS deciding ON true
ORDER BY mine.contract_number, mine.contract_id
"""


ADDED, GONE = _only_on("$1", "$2"), _only_on("$2", "$1")
