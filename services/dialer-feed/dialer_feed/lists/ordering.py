"""The order of a list: who is on it where the campaign's daily size leaves some out, and who is called first.

The order compares two values, the larger first, then the contract number. The fragments expect the row aliases
``contract``, ``portfolio``, ``campaign`` and ``list``, and ``contacted`` of ``CONTACTED``.
"""

from projections.contracts import person

from dialer_feed.lists.eligibility import BALANCE, DAYS_PAST_DUE, IS_PREVENTIVE

MOST_DAYS = 60
"""A contact of longer ago counts as none."""


def contacted(of_list: str, *, of_contract: str | None = None) -> str:
    """SQL: the day of each person's last contact, where the campaign of the row ``list`` orders by it.

    Calls, visits and messages count as they do for call frequency. ``of_contract`` is the one contract whose person
    counts.
    """
    only = ""
    if of_contract:
        only = f"AND {person()} = (SELECT {person('asked')} FROM contract asked WHERE contract_id = {of_contract})"
    return f"""
SELECT {person()} AS person_id, max(contact.business_date) AS last_day
FROM dialing_list list
JOIN campaign USING (campaign_id)
JOIN (
    SELECT contract_id, business_date FROM call_result WHERE attempt
    UNION ALL
    SELECT contract_id, visit_on FROM visit WHERE made
    UNION ALL
    SELECT contract_id, business_date FROM own_call
) AS contact ON contact.business_date BETWEEN list.business_date - {MOST_DAYS} AND list.business_date
JOIN contract USING (contract_id)
WHERE {of_list} AND campaign.list_order = 'last_contact' {only}
GROUP BY 1
"""


_DAYS = f"CASE WHEN {IS_PREVENTIVE} THEN list.business_date - contract.oldest_due_on ELSE {DAYS_PAST_DUE} END"
_SINCE = f"list.business_date - coalesce(contacted.last_day, list.business_date - {MOST_DAYS + 1})"
_BY_BALANCE = "campaign.list_order = 'balance'"
FIRST = f"""CASE campaign.list_order WHEN 'last_contact' THEN {_SINCE} WHEN 'days_past_due' THEN {_DAYS}
    ELSE {BALANCE} END"""
SECOND = f"CASE WHEN {_BY_BALANCE} THEN {_DAYS} ELSE {BALANCE} END"


def left_out(first: str, second: str, number: str) -> str:
    """SQL: whoever has these values now comes after those that the daily size of the row ``list`` has taken."""
    return f"""
list.cut_at IS NOT NULL AND ({first}, {second}) <= (list.cut_at[1], list.cut_at[2])
    AND (({first}, {second}) < (list.cut_at[1], list.cut_at[2]) OR {number} >= list.cut_number)"""


def order(first: str, second: str, number: str, contract_id: str) -> str:
    """SQL: the order of these columns."""
    return f"{first} DESC NULLS LAST, {second} DESC NULLS LAST, {number}, {contract_id}"
