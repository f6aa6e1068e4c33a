"""The other contracts of a person, which the entry of the person's lead names.

Of a person's contracts of one currency that may be on a list, the one with the largest balance, then with the most days
past due, has the entry: the lead. The balance is the overdue one, and on the list of a preventive campaign the total.
Each of the others has a row of ``list_entry`` with ``lead_id``. So whatever withdraws a contract from a list takes it
out of the entry that names it.
"""

from projections.contracts import person

from dialer_feed.lists.eligibility import BALANCE, DAYS_PAST_DUE

MOST_TOGETHER = 50
"""The most contracts of one entry. A customer number with more is hardly one person: each of its contracts has one."""


def purse(portfolio: str = "portfolio") -> str:
    """SQL: what contracts of one entry have in common beside the person: the currency."""
    return f"coalesce({portfolio}.currency, {portfolio}.portfolio_id::text)"


_TOGETHER = f"PARTITION BY {person()}, {purse()}"
LEAD = f"""
CASE WHEN count(*) OVER ({_TOGETHER}) <= {MOST_TOGETHER} THEN nullif(first_value(contract.contract_id) OVER (
    {_TOGETHER}
    ORDER BY {BALANCE} DESC, {DAYS_PAST_DUE} DESC, contract.contract_number, contract.contract_id
), contract.contract_id) END"""
"""SQL, of all contracts that may be on the list: the lead that names this contract; NULL for a lead itself."""

OF_ANOTHER = f"""
CASE WHEN entry.lead_id IS NOT NULL THEN {person()} <> (
    SELECT {person("lead")} FROM contract lead WHERE lead.contract_id = entry.lead_id) END"""
"""SQL: the row ``entry`` of the row ``contract`` is named in an entry of another person."""

WAS_LISTED = "(entry.status = 'listed' OR entry.cursor IS NOT NULL OR entry.lead_id IS NOT NULL)"
"""SQL: the contract of the row ``entry`` is or was on the published list, with an entry or named in one."""

NAMED = """
(SELECT coalesce(jsonb_agg(
        jsonb_build_object('contract_number', other.contract_number, 'overdue_balance', other.overdue_balance::text)
        ORDER BY other.overdue_balance DESC, other.contract_number, other.contract_id), '[]')
    FROM list_entry other
    WHERE other.lead_id = entry.contract_id AND other.list_id = entry.list_id AND other.status = 'listed')"""
"""SQL: the contracts that the row ``entry`` names now, as JSON: number and overdue balance, the largest first."""

_CREDITOR = "coalesce(portfolio.creditor_id, portfolio.portfolio_id)"
_IS_DEBTORS = "{phone}.kind = 'phone' AND {phone}.present AND {phone}.party_id IS NULL"
# One pass over all phones finds the few numbers that are there twice, and a look at these, those of several people.
# Hashes of people are compared, because uuid has neither min nor max.
SHARED_NUMBERS = f"""
WITH several AS MATERIALIZED (
    SELECT {_CREDITOR} AS creditor_id, phone.value
    FROM contact_point phone
    JOIN contract USING (contract_id)
    JOIN portfolio USING (portfolio_id)
    WHERE {_IS_DEBTORS.format(phone="phone")} AND phone.value IN (
        SELECT same.value FROM contact_point same WHERE {_IS_DEBTORS.format(phone="same")}
        GROUP BY same.value HAVING count(*) > 1)
    GROUP BY 1, 2
    HAVING min(uuid_hash_extended({person()}, 0)) <> max(uuid_hash_extended({person()}, 0))
)
SELECT phone.contract_id, array_agg(phone.contact_id) AS contact_ids
FROM several
JOIN contact_point phone USING (value)
JOIN contract USING (contract_id)
JOIN portfolio USING (portfolio_id)
WHERE {_IS_DEBTORS.format(phone="phone")} AND {_CREDITOR} = several.creditor_id
GROUP BY phone.contract_id
"""
"""SQL: for each contract the debtor's numbers that other debtors of the creditor have too."""
