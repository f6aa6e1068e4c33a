"""Erases the region of a debtor, and the words that agencies and people exchanged about the placement.

Placements, commissions and their amounts stay.
"""

from collections.abc import Sequence

from projections.contracts import erase_details, erasures
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractWhole, DebtorErased

# A reason is a text where a person has asked for the recall, else a code.
_IS_TEXT = "{0} IS NOT NULL AND {0} !~ '^[a-z_]+$'"
_ERASE_DETAILS = erase_details(region="NULL")
_TEXTS = f"""
UPDATE placement SET reason = CASE WHEN {_IS_TEXT.format("reason")} THEN 'erased' ELSE reason END,
    waived = CASE WHEN {_IS_TEXT.format("waived")} THEN 'erased' ELSE waived END,
    objection = CASE WHEN objection IS NOT NULL THEN 'erased' END,
    decision = CASE WHEN decision IS NOT NULL THEN 'erased' END
WHERE contract_id = ANY($1::uuid[])
"""


async def erase(tx: Transaction, events: Sequence[ContractWhole | DebtorErased]) -> None:
    """Erase the persons of these contracts. Repeating it changes nothing."""
    if events:
        contract_ids, versions = erasures(events)
        await tx.execute(_ERASE_DETAILS, contract_ids, versions)
        await tx.execute(_TEXTS, contract_ids)
