"""Visitors' verdicts on addresses. Nobody visits a wrong address again until another visitor confirms it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from recobro_events import Transaction
from recobro_events.contracts.field_visits import AddressChecked
from recobro_events.contracts.portfolio import StageCause

from portfolio.debtors import queries
from portfolio.ledger.changes import record_whole


async def keep(tx: Transaction, checks: Sequence[AddressChecked]) -> None:
    """Store the verdicts that these events report, as ``store_verdicts`` does."""
    await store_verdicts(tx, checks, received={check.contract_id: check.event_id for check in checks})


async def store_verdicts(tx: Transaction, checks: Sequence[AddressChecked], *, received: Mapping[UUID, UUID]) -> None:
    """Store these verdicts, and publish the contracts with an address that is now authorised, or no longer authorised.

    ``received`` maps each contract to the id of the event that is being applied, in a consumer. No contract may occur
    twice, and the contracts are locked. A verdict on an address that a file has removed
    meanwhile is ignored.
    """
    columns = zip(*((check.contract_id, check.address_id, check.verdict) for check in checks), strict=True)
    revised = [row["contract_id"] for row in await tx.fetch(queries.STORE_VERDICTS, *columns) if row["revised"]]
    if revised:
        await record_whole(tx, StageCause.CATCH_UP, revised, received=received)
