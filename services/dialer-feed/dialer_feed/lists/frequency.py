"""Call frequency: how often a person may be contacted. It bars from the next list and never withdraws.

Calls and visits count together, over all contracts of a person. A call counts for every contract that its entry named,
also when one of them has become another person's. Inbound calls are no attempts. Their number in 7 days
is held against the stricter limit of jurisdiction and campaign. Some jurisdictions also require days of silence after
a conversation.
"""

from collections.abc import Sequence
from typing import Any

from jurisdictions import codes, profile
from projections.contracts import person

DEFAULT_MAX_ATTEMPTS_PER_7_DAYS = 7
"""Our own limit, used where neither the jurisdiction nor the campaign has one."""

# A call counts on its list's day, a visit on the day that it was ordered for. A call counts for every contract that its
# entry named, but only once for a person.
BARRED = f"""
SELECT {person()} AS person_id
FROM dialing_list list
JOIN campaign USING (campaign_id)
JOIN (
    SELECT contract_id, business_date, attempt, right_party FROM call_result
    UNION ALL
    SELECT * FROM (
        SELECT DISTINCT ON (call.dialed_for, call.call_id, {person("other")})
            other.contract_id, call.business_date, call.attempt, call.right_party
        FROM call_result call
        JOIN contract ON contract.contract_id = call.contract_id
        JOIN contract other ON other.contract_id = ANY (call.also) AND {person("other")} <> {person()}
        WHERE call.also <> '{{}}'
    ) AS named
    UNION ALL
    SELECT contract_id, visit_on, true, met_debtor FROM visit WHERE made
) AS contact ON contact.business_date BETWEEN list.business_date - 60 AND list.business_date
JOIN contract USING (contract_id)
LEFT JOIN unnest($2::text[], $3::integer[], $4::integer[]) AS rule (jurisdiction, most, silent_days)
    USING (jurisdiction)
WHERE list.list_id = $1
GROUP BY {person()}, campaign.campaign_id
HAVING count(*) FILTER (WHERE contact.attempt AND contact.business_date > list.business_date - 7)
        >= coalesce(least(campaign.max_attempts_per_7_days, min(rule.most)), {DEFAULT_MAX_ATTEMPTS_PER_7_DAYS})
    OR bool_or(contact.right_party AND contact.business_date > list.business_date - rule.silent_days)
"""
"""SQL: the people who may not be on the list ``$1``. ``$2`` to ``$4`` are the columns of ``limits``."""


def limits() -> Sequence[Sequence[Any]]:
    """Return three arrays of the rules: jurisdiction, most contacts in 7 days, silent days after a conversation."""
    rules = [(code, profile(code).call_frequency.value) for code in codes()]
    known = [(code, rule.max_calls_per_7_days, rule.silent_days_after_conversation) for code, rule in rules if rule]
    return list(zip(*known, strict=True)) or [(), (), ()]
