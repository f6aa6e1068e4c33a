"""Erases what dialer-feed keeps of persons: names, phones, places, and the texts of reports.

What happened stays: calls, permits and their reasons, entries and withdrawals.
"""

from collections.abc import Sequence

from projections import contact_points
from projections.contracts import erase_details, erasures
from recobro_events import Transaction
from recobro_events.contracts.portfolio import ContractWhole, DebtorErased

_ERASE = (
    *(
        f"UPDATE {table} SET unknown_phone = '' WHERE contract_id = ANY($1::uuid[]) AND unknown_phone <> ''"
        for table in ("call_result", "attempt", "permit")
    ),
    "UPDATE call_result SET recording_uri = NULL WHERE contract_id = ANY($1::uuid[]) AND recording_uri IS NOT NULL",
    "UPDATE dialer_report SET detail = NULL WHERE contract_id = ANY($1::uuid[]) AND detail IS NOT NULL",
)
_ERASE_DETAILS = erase_details(name="''", region="NULL", places="NULL", conveniences="'[]'", erased="true")


async def erase(tx: Transaction, events: Sequence[ContractWhole | DebtorErased]) -> None:
    """Erase the persons of these contracts. Repeating it changes nothing."""
    if events:
        contract_ids, versions = erasures(events)
        await tx.execute(_ERASE_DETAILS, contract_ids, versions)
        await contact_points.erase(tx, events)
        for statement in _ERASE:
            await tx.execute(statement, contract_ids)
