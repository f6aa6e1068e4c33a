"""Call frequency: how often a person may be contacted. It bars from the next list and never withdraws.

Calls of dialers, calls and messages of the creditor's own people, and visits count over all contracts of a person. Each
jurisdiction says which of these media its limit counts; a campaign's limit, and our own, counts calls and visits. A
call counts for every contract that its entry named, also when one of them has become another person's. An attempt of a
dialer counts from its start, before its result has come. Inbound calls are no attempts. Their number in 7 days is held
against the limit of the campaign and those of the jurisdictions and states of all the person's contracts. Some
jurisdictions also require days of silence after a conversation. Lists, permits and the judgement of calls use the same
limits and days.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jurisdictions import codes, profile, profile_of_region, regions
from projections.contracts import person

DEFAULT_MAX_ATTEMPTS_PER_7_DAYS = 7
"""Our own limit, used where neither the jurisdiction nor the campaign has one."""

MOST = "least(country.most, state.most)"
SILENT_DAYS = "greatest(country.silent_days, state.silent_days)"


def rules(first: int) -> str:
    """SQL: join the rules for the row ``contract``, for ``MOST`` and ``SILENT_DAYS``. $first: the first of ``limits``.

    A state with a rule of its own counts where an address of the contract may be in it. With two such states a contact
    would count twice, which is the safe side.
    """
    country, state = _given("country", first), _given("state", first)
    return f"""
LEFT JOIN {country} ON country.jurisdiction = contract.jurisdiction AND country.region = ''
LEFT JOIN {state} ON state.jurisdiction = contract.jurisdiction AND state.region <> '' AND {_is_in("state")}"""


def _given(alias: str, first: int) -> str:
    types = ("text", "text", "integer", "integer", "boolean", "boolean")
    arrays = ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(types, first))
    return f"unnest({arrays}) AS {alias} (jurisdiction, region, most, silent_days, counts_visits, counts_messages)"


def _is_in(rule: str) -> str:
    return f"({rule}.region = contract.region OR contract.places || ' ' LIKE '%=' || {rule}.region || ' %')"


class Counts(NamedTuple):
    """SQL expressions: how many calls, visits and messages a person had in 7 days. They read no row ``contract``."""

    calls: str
    visits: str
    messages: str


def nearest(person_id: str, counts: Counts, first: int) -> str:
    """SQL: a query of one row: ``attempts``, as the limit that leaves the fewest counts them, and ``most``, that limit.

    It is for the row ``campaign``, whose columns may be null. ``person_id`` reads other rows than ``contract``.
    """
    usual = f"({counts.calls}) + ({counts.visits})"
    return f"""
    SELECT ruled.attempts, ruled.most FROM (
        SELECT ({counts.calls}) + CASE WHEN rule.counts_visits THEN ({counts.visits}) ELSE 0 END
            + CASE WHEN rule.counts_messages THEN ({counts.messages}) ELSE 0 END AS attempts, rule.most, 1 AS place
        FROM contract JOIN {_given("rule", first)} ON rule.jurisdiction = contract.jurisdiction
            AND (rule.region = '' OR {_is_in("rule")})
        WHERE {person()} = {person_id}
        UNION ALL
        SELECT {usual}, campaign.max_attempts_per_7_days, 1 WHERE campaign.max_attempts_per_7_days IS NOT NULL
        UNION ALL
        SELECT {usual}, {DEFAULT_MAX_ATTEMPTS_PER_7_DAYS}, 2
    ) AS ruled
    ORDER BY ruled.place, ruled.most - ruled.attempts, ruled.most LIMIT 1"""


def least(first: int) -> str:
    """SQL: the smallest limit of all, for the row ``campaign``. Few people are contacted as often.

    For the others no limit needs to be looked up.
    """
    smallest = f"(SELECT min(most) FROM unnest(${first + 2}::integer[]) AS most)"
    return f"least(campaign.max_attempts_per_7_days, {smallest}, {DEFAULT_MAX_ATTEMPTS_PER_7_DAYS})"


def contacts(person_id: str, day: str) -> str:
    """SQL: the contacts with this person in the 60 days up to ``day``, each once.

    Its columns are ``contract_id``, ``business_date``, ``attempt``, ``right_party``, ``started_at``, ``dialed_for``,
    ``call_id`` and ``medium``. ``dialed_for`` and ``call_id`` are null for a call or message of the creditor's own
    people, and for a visit, which has no ``started_at`` either. An attempt of a dialer without a result is not among
    them.
    """
    columns = ("contract_id", "business_date", "attempt", "right_party", "started_at", "dialed_for", "call_id")
    known = ", ".join(f"known.{column}" for column in columns) + ", 'call' AS medium"
    recent = f"BETWEEN {day} - 60 AND {day}"
    return f"""
    SELECT {known} FROM contract other JOIN call_result known USING (contract_id)
    WHERE {person("other")} = {person_id} AND known.business_date {recent}
    UNION
    SELECT {known} FROM call_result known
    WHERE known.also <> '{{}}' AND known.business_date {recent} AND known.also && ARRAY(
        SELECT other.contract_id FROM contract other WHERE {person("other")} = {person_id})
    UNION ALL
    SELECT visit.contract_id, visit.visit_on, true, visit.met_debtor, NULL, NULL, NULL, 'visit'
    FROM contract other JOIN visit USING (contract_id)
    WHERE {person("other")} = {person_id} AND visit.made AND visit.visit_on {recent}
    UNION ALL
    SELECT own_call.contract_id, own_call.business_date, true, own_call.right_party, own_call.made_at, NULL, NULL,
        own_call.medium
    FROM contract other JOIN own_call USING (contract_id)
    WHERE {person("other")} = {person_id} AND own_call.business_date {recent}"""


def counted(since: str) -> str:
    """SQL: the columns ``calls``, ``visits`` and ``messages`` of the rows ``contact`` after the day ``since``."""
    return ", ".join(
        f"count(*) FILTER (WHERE contact.attempt AND contact.medium = '{medium}' AND contact.business_date > {since})"
        f" AS {medium}s"
        for medium in ("call", "visit", "message")
    )


def silent_days(contract_id: str, first: int) -> str:
    """SQL: the days of silence after a conversation about this contract, its own day included; NULL for none."""
    return f"(SELECT max({SILENT_DAYS}) FROM contract {rules(first)} WHERE contract.contract_id = {contract_id})"


_OF_COUNTED = Counts("counted.calls", "counted.visits", "counted.messages")


# A call counts on its list's day, a visit on the day that it was ordered for. A call counts for every contract that its
# entry named, but only once for a person.
def barred(of_list: str, first: int, *, of_contract: str | None = None) -> str:
    """SQL: the people who may not be on a list, or the person of one contract if they may not.

    ``of_list`` is the condition for the row ``list``, ``$first`` the first column of ``limits``.
    """
    only = ""
    if of_contract:
        only = f"AND {person()} = (SELECT {person('asked')} FROM contract asked WHERE contract_id = {of_contract})"
    return f"""
SELECT counted.person_id
FROM (
    SELECT {person()} AS person_id, campaign.max_attempts_per_7_days, {counted("list.business_date - 7")},
        {least(first)} AS least,
        bool_or(contact.right_party AND contact.business_date > list.business_date - {SILENT_DAYS}) AS spoke
    FROM dialing_list list
    JOIN campaign USING (campaign_id)
    JOIN (
        SELECT contract_id, business_date, attempt, right_party, 'call' AS medium FROM call_result
        UNION ALL
        SELECT * FROM (
            SELECT DISTINCT ON (call.dialed_for, call.call_id, {person("other")})
                other.contract_id, call.business_date, call.attempt, call.right_party, 'call'
            FROM dialing_list list
            JOIN call_result call ON call.business_date BETWEEN list.business_date - 60 AND list.business_date
            JOIN contract ON contract.contract_id = call.contract_id
            JOIN contract other ON other.contract_id = ANY (call.also) AND {person("other")} <> {person()}
            WHERE {of_list} AND call.also <> '{{}}'
        ) AS named
        UNION ALL
        SELECT contract_id, visit_on, true, met_debtor, 'visit' FROM visit WHERE made
        UNION ALL
        SELECT contract_id, business_date, true, right_party, medium FROM own_call
        UNION ALL
        SELECT contract_id, business_date, true, false, 'call' FROM attempt WHERE ended_at IS NULL
    ) AS contact ON contact.business_date BETWEEN list.business_date - 60 AND list.business_date
    JOIN contract USING (contract_id)
    {rules(first)}
    WHERE {of_list} {only}
    GROUP BY {person()}, campaign.campaign_id
) AS counted
CROSS JOIN LATERAL (SELECT counted.max_attempts_per_7_days) AS campaign
WHERE counted.spoke OR CASE WHEN counted.calls + counted.visits + counted.messages >= counted.least
    THEN (SELECT attempts >= most FROM ({nearest("counted.person_id", _OF_COUNTED, first)}) AS nearest) END
"""


BARRED = barred("list.list_id = $1", 2)
"""SQL: the people who may not be on the list ``$1``. ``$2`` to ``$7`` are the columns of ``limits``."""


TIRED_NUMBERS = f"""
SELECT coalesce(portfolio.creditor_id, portfolio.portfolio_id) AS creditor_id, point.value
FROM dialing_list list
JOIN campaign USING (campaign_id)
JOIN call_result call ON call.business_date BETWEEN list.business_date - 6 AND list.business_date AND call.attempt
JOIN contact_point point ON point.contract_id = call.contract_id AND point.contact_id = call.contact_id
    AND point.party_id IS NOT NULL
JOIN contract ON contract.contract_id = call.contract_id
JOIN portfolio USING (portfolio_id)
{rules(2)}
WHERE list.list_id = $1 AND point.value <> ''
GROUP BY 1, 2, campaign.campaign_id
HAVING count(*) >= coalesce(least(campaign.max_attempts_per_7_days, min({MOST})), {DEFAULT_MAX_ATTEMPTS_PER_7_DAYS})
"""
"""SQL: the numbers of parties that were called as often as a person may be, for whichever debtors of a creditor.

Parameters as those of ``BARRED``."""
NOT_TIRED = """
(phone.party_id IS NULL OR campaign.parties AND NOT EXISTS (
    SELECT FROM tired WHERE tired.value = phone.value
        AND tired.creditor_id = coalesce(portfolio.creditor_id, portfolio.portfolio_id)))"""
"""SQL: the campaign calls the person who has the phone, and the phone is none of ``tired``."""


def limits() -> Sequence[Sequence[Any]]:
    """Return arrays of the rules: country, state (or ""), most contacts in 7 days, days of silence from a conversation
    on, its own included, and whether visits and messages count."""
    profiles = {
        **{(code, ""): profile(code) for code in codes()},
        **{place: profile_of_region(*place) for place in regions()},
    }
    known = [(place, rule) for place, one in profiles.items() if (rule := one.call_frequency.value)]
    columns = [
        (
            *place,
            rule.max_calls_per_7_days,
            rule.silent_days_after_conversation + (not rule.conversation_day_counts),
            "visit" in rule.counts,
            "message" in rule.counts,
        )
        for place, rule in known
    ]
    return list(zip(*columns, strict=True)) or [()] * 6
