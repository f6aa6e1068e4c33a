"""Both services and the model say the same about every contract."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from quarter.model import NOTHING
from quarter.play import Quarter

_CONTRACTS = """
SELECT contract_id::text AS id, state, total_balance,
    coalesce((SELECT sum(credit) FROM payment
        WHERE payment.contract_id = contract.contract_id AND reversed_at IS NULL), 0) AS credit,
    coalesce((SELECT sum(amount) FROM charge
        WHERE charge.contract_id = contract.contract_id AND kind = 'waiver' AND reversed_at IS NULL), 0) AS waived
FROM contract
"""
_AGREEMENTS = """
SELECT contract_id::text AS id, agreement_id::text, discount, settled_on,
    CASE state WHEN 'open' THEN 'active' ELSE state END AS state FROM agreement
UNION ALL
SELECT contract_id::text, agreement_id::text, discount, NULL, state FROM proposal WHERE state <> 'reached'
ORDER BY 2
"""
_PROMISES = "SELECT contract_id::text AS id, promise_id::text, state, paid FROM promise"
_HEARD = "SELECT contract_id::text AS id, state, total_balance FROM contract"


async def compare(quarter: Quarter) -> None:
    contracts = {row["id"]: row for row in await quarter.platform.rows("portfolio", _CONTRACTS)}
    heard = {row["id"]: row for row in await quarter.platform.rows("promises", _HEARD)}
    agreements: dict[str, list[Any]] = defaultdict(list)
    for row in await quarter.platform.rows("promises", _AGREEMENTS):
        agreements[row["id"]].append(
            (row["agreement_id"][-6:], row["state"], row["discount"], row["settled_on"] and str(row["settled_on"]))
        )
    promises: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in await quarter.platform.rows("promises", _PROMISES):
        promises[row["id"]][row["promise_id"]] = (row["state"], row["paid"] if row["state"] != "cancelled" else NOTHING)
    for one in quarter.contracts:
        paid = {
            each.promise_id: (each.state, each.paid if each.state != "cancelled" else NOTHING) for each in one.asked
        }
        if promises[one.contract_id] != paid:
            quarter.differ(one, "promises", promises[one.contract_id], paid)
        expected: list[Any] = [
            (deal.agreement_id[-6:], deal.state, deal.discount, deal.settled_on and str(deal.settled_on))
            for deal in sorted(one.deals, key=lambda deal: deal.agreement_id)
        ]
        if agreements[one.contract_id] != expected:
            quarter.differ(one, "agreements", agreements[one.contract_id], expected)
        found = contracts[one.contract_id]
        waived = sum((deal.waived for deal in one.deals), NOTHING)
        money = ("settled" if one.balance == 0 else "open", one.balance, max(Decimal(0), one.paid - one.owed), waived)
        if (found["state"], found["total_balance"], found["credit"], found["waived"]) != money:
            quarter.differ(one, "state, balance, credit and waiver", dict(found), money)
        if tuple(heard[one.contract_id][1:]) != money[:2]:
            quarter.differ(one, "what promises has heard", tuple(heard[one.contract_id][1:]), money[:2])
