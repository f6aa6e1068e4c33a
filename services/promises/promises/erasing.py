"""Erases the words that people wrote about a debtor's promises and agreements, and what proves who the debtor is.

Amounts, days and outcomes stay, and so does what the debtor did on the page.
"""

from collections.abc import Sequence

from projections.contracts import erasures
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractWhole, DebtorErased

_ERASE = (
    *(
        f"UPDATE {table} SET cancellation_reason = 'erased'"
        " WHERE contract_id = ANY($1::uuid[]) AND cancellation_reason IS NOT NULL"
        for table in ("promise", "agreement", "proposal")
    ),
    "UPDATE proposal SET proof = 'erased' WHERE contract_id = ANY($1::uuid[]) AND proof IS NOT NULL",
    "UPDATE page_link SET tried = '{}' WHERE contract_id = ANY($1::uuid[])",
    # The hours and days that do not suit the debtor.
    "UPDATE page_act SET result = '{}' FROM page_link AS link"
    " WHERE link.link_id = page_act.link_id AND link.contract_id = ANY($1::uuid[]) AND page_act.kind = 'contact'",
    # Why a person has ended a link is in that person's words.
    "UPDATE page_link SET ended_because = 'erased' WHERE contract_id = ANY($1::uuid[]) AND ended_because NOT IN"
    " ('replaced', 'wrong_answers', 'debtor', 'contract_closed', 'deceased', 'represented', 'identity_unknown')",
)
# An older whole contract does not bring the digests back.
_ERASE_IDENTITIES = """
INSERT INTO page_identity AS known (contract_id, details_version, postal_codes)
SELECT contract_id, details_version, '{}' FROM unnest($1::uuid[], $2::bigint[]) AS erased (contract_id, details_version)
ON CONFLICT (contract_id) DO UPDATE SET language = NULL, tax_id = NULL, postal_codes = '{}',
    details_version = greatest(known.details_version, excluded.details_version)
"""


async def erase(tx: Transaction, events: Sequence[ContractWhole | DebtorErased]) -> None:
    """Erase the persons of these contracts. Repeating it changes nothing."""
    if events:
        contract_ids, versions = erasures(events)
        await tx.execute(_ERASE_IDENTITIES, contract_ids, versions)
        for statement in _ERASE:
            await tx.execute(statement, contract_ids)
