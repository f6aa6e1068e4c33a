"""Addresses that were given at the door. Nobody is sent there until a person has looked at them.

They stay beside the creditor's addresses as ``unchecked``, and no file removes them. A visitor's verdict checks them.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from recobro_events import Transaction
from recobro_events.contracts.field_visits import AddressCollected
from recobro_events.contracts.portfolio import StageCause

from portfolio.debtors import queries
from portfolio.ledger import history, limits
from portfolio.ledger.changes import record_whole
from portfolio.ledger.history import Line
from portfolio.ledger.identities import found_address_id_of

PARTS = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state")


async def keep(tx: Transaction, found: Sequence[AddressCollected]) -> None:
    """Store the addresses that these events report, as ``add`` does."""
    await add(tx, found, received={one.contract_id: one.event_id for one in found})


async def add(tx: Transaction, found: Sequence[AddressCollected], *, received: Mapping[UUID, UUID]) -> None:
    """Add these addresses as unchecked, and publish their contracts.

    ``received`` maps each contract to the id of the event that is being applied, in a consumer. No contract may occur
    twice, and the contracts are locked. A known place changes nothing. A contract that is full gets a line of history.
    """
    rows = [_row(one) for one in found]
    added = await tx.fetch(queries.ADD_FOUND, *zip(*rows, strict=True), limits.ADDRESSES_FOUND)
    if ids := [row["contract_id"] for row in added if row["is_added"]]:
        await record_whole(tx, StageCause.CATCH_UP, ids, received=received)
    reason = f"The visits of this contract have found {limits.ADDRESSES_FOUND} addresses."
    full = [row["contract_id"] for row in added if row["is_full"]]
    await history.record(tx, [Line(contract_id, "address_refused", reason, {}) for contract_id in full])


def _row(one: AddressCollected) -> tuple[Any, ...]:
    cells = [" ".join((getattr(one, part) or "").split())[: limits.FOUND_ADDRESS_CHARACTERS] or None for part in PARTS]
    place = "|".join((cell or "").casefold() for cell in cells)
    provenance = one.provenance[: limits.PROVENANCE_CHARACTERS]
    return one.contract_id, found_address_id_of(one.contract_id, place), provenance, *cells
