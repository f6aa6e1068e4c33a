"""Why a contract may not be on a dialing list: one SQL expression.

The builder's insert, the builder's second check and the withdrawals after a change all use ``reason``, so that they
cannot disagree. The fragments expect the row aliases ``contract``, ``portfolio``, ``campaign`` and ``list``.
``reason`` leaves out call frequency, which bars from the next list only (``frequency``).
"""

from projections import convenience, placements, silence, steps

from dialer_feed.lists import phones

ON_DATE = "greatest(list.business_date, portfolio.business_date)"
"""SQL: the day on which silences are judged, the later of the list's day and the portfolio's business date."""

IN_SCOPE = "(campaign.portfolio_ids IS NULL OR portfolio.portfolio_id = ANY (campaign.portfolio_ids))"

OUT_OF_SEGMENT = "campaign.segments IS NOT NULL AND (contract.segment = ANY (campaign.segments)) IS NOT TRUE"
"""SQL: the campaign asks for segments, and the contract is in none of them."""

OUT_OF_STEP = "campaign.steps IS NOT NULL AND (contract.step = ANY (campaign.steps)) IS NOT TRUE"
"""SQL: the campaign asks for steps of the ladder, and the contract is at none of them."""

IS_PREVENTIVE = "campaign.kind = 'preventive'"
BALANCE = f"CASE WHEN {IS_PREVENTIVE} THEN contract.total_balance ELSE contract.overdue_balance END"
"""SQL: the balance by which the campaign chooses."""
OWES_ENOUGH = f"""(CASE WHEN {IS_PREVENTIVE} THEN contract.total_balance > campaign.min_total
    ELSE contract.overdue_balance > campaign.min_overdue END)"""

NOT_DUE_SOON = f"""{IS_PREVENTIVE} AND (contract.oldest_due_on
    BETWEEN list.business_date AND list.business_date + campaign.due_within_days) IS NOT TRUE"""
"""SQL: the campaign reminds of what falls due, and nothing of the contract does in its days."""

WORTH_DIALING = f"""(
    contract.details_version >= 0 AND {IN_SCOPE}
    AND contract.stage = ANY (campaign.stages) AND {OWES_ENOUGH} AND NOT ({NOT_DUE_SOON})
    AND NOT ({OUT_OF_SEGMENT}) AND NOT ({OUT_OF_STEP}))"""

LIVE = "(list.status = 'building' OR (list.status = 'published' AND list.live_until > now()))"
"""SQL: the list is live. A list that is being built counts as live."""

HOLDOFF_DAYS = "campaign.payment_holdoff_days"
"""SQL: the least days without contact after a payment. A campaign may lengthen the portfolio's, never shorten them."""

REPORTED = """
(SELECT reported.reason FROM reported_silence reported
    WHERE reported.contract_id = contract.contract_id AND reported.contact_id IS NULL
    ORDER BY reported.silence_id LIMIT 1)
"""
"""SQL: a dialer's report about the whole contract, until the portfolio has decided on it."""

NOT_PLACED = f"""
CASE WHEN campaign.agency_id IS NOT NULL THEN (
    SELECT CASE
        WHEN bool_or(ours.state = 'active' AND {placements.in_force("ours", ON_DATE)}) THEN NULL
        WHEN bool_or(ours.state <> 'active' OR ours.ends_on < {ON_DATE}) THEN 'recall'
        ELSE 'no_longer_eligible' END
    FROM placement ours
    WHERE ours.contract_id = contract.contract_id AND ours.agency_id = campaign.agency_id AND ours.kind = 'dialing') END
"""
"""SQL: the campaign's agency has no placement for dialing, or not any more. NULL for a campaign without an agency."""

HANDED_OVER = f"""
(SELECT 'no_longer_eligible' FROM placement theirs
    WHERE theirs.contract_id = contract.contract_id AND theirs.kind = 'collection'
        AND theirs.{placements.WITH_AGENCY} AND {placements.in_force("theirs", ON_DATE)} LIMIT 1)
"""
"""SQL: an agency collects, so nobody dials. This holds until a recall of the contract is final."""


WANTS_NO_CALLS = f"CASE WHEN {convenience.refuses('call')} THEN 'opted_out' END"
"""SQL: the person has called every call inconvenient."""

STEP_FORBIDS = f"({steps.forbids('call')} OR {steps.forbids_campaign('campaign.kind')})"
"""SQL: the step at which the contract stands allows no calls, or no campaign of this kind."""


def reason(of_phone: str = phones.OF_CAMPAIGN, worth: str = WORTH_DIALING) -> str:
    """SQL: why the contract may not be on the list, as a withdrawal's reason; NULL when it may.

    The SQL gives the first reason that holds. ``of_phone`` is the condition for the contract's phones that count,
    ``worth`` the one that the campaign makes.
    """
    return _reason(f"EXISTS ({phones.dialable('1', of_phone)})", worth, None)


HAVING = silence.having(
    reported="reported_silence WHERE contact_id IS NULL",
    collection=f"placement WHERE kind = 'collection' AND {placements.WITH_AGENCY}",
)
"""SQL: a query of the contracts that have rows which may keep them off a list, for ``reason_of_many``."""


def reason_of_many(has_phone: str) -> str:
    """SQL as that of ``reason``, for all contracts of a list, with a row ``has`` of ``HAVING`` beside each.

    ``has_phone``: the contract has a phone that counts.
    """
    return _reason(has_phone, WORTH_DIALING, "has")


def _reason(has_phone: str, worth: str, having: str | None) -> str:
    return f"""coalesce(
        {silence.always(ON_DATE, HOLDOFF_DAYS, having)},
        {silence.if_any(REPORTED, "reported", having)},
        {silence.on_day(ON_DATE, HOLDOFF_DAYS, having)},
        {WANTS_NO_CALLS},
        {NOT_PLACED},
        {silence.if_any(HANDED_OVER, "collection", having)},
        CASE WHEN {STEP_FORBIDS} THEN 'no_longer_eligible' END,
        CASE WHEN NOT {has_phone} THEN 'no_phone' END,
        CASE WHEN {worth} IS NOT TRUE THEN 'no_longer_eligible' END)"""


DAYS_PAST_DUE = silence.days_past_due("list.business_date")
DAYS_PAST_DUE_OF_MANY = silence.days_past_due("list.business_date", "has")
