"""Who besides the debtor may be contacted: the rule of each jurisdiction's profile, as SQL."""

import jurisdictions
from recobro_events.contracts.portfolio import PartyRole


def contactable(role: str, *, represented: bool) -> str:
    """SQL: the jurisdiction of the row ``contract`` lets a party of this role be contacted.

    ``represented``: while a lawyer represents the debtor.
    """
    allowed = [
        f"('{code}', '{one}')"
        for code in jurisdictions.codes()
        for one in PartyRole
        if jurisdictions.may_be_contacted(jurisdictions.profile(code), one, represented=represented)
    ]
    return f"(contract.jurisdiction, {role}) IN ({', '.join(allowed)})" if allowed else "false"
