"""What visitors found of addresses: a wrong one is not gone to again, until another visitor confirms it."""

from collections.abc import Sequence

from recobro_events import Transaction
from recobro_events.contracts.field_visits import AddressChecked
from recobro_events.contracts.portfolio import ContractRevised, StageCause

from portfolio.ledger.positions import reposition
from portfolio.ledger.whole import publish_whole

_NOTE = """
UPDATE address SET
    verdict = told.verdict, authorised = told.verdict <> 'wrong',
    issues = array_remove(issues, 'wrong_address')
        || CASE WHEN told.verdict = 'wrong' THEN ARRAY['wrong_address'] ELSE '{}' END
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS told (contract_id, address_id, verdict)
WHERE address.contract_id = told.contract_id AND address.address_id = told.address_id
    AND address.verdict IS DISTINCT FROM told.verdict
RETURNING new.contract_id, old.authorised <> new.authorised AS revised
"""


async def note(tx: Transaction, checks: Sequence[AddressChecked]) -> None:
    """Keep these verdicts, each of another contract, and tell everyone where an address is to be used no longer, or
    again. An address that a file has replaced meanwhile is nobody's any more. The contracts are locked.
    """
    columns = zip(*((check.contract_id, check.address_id, check.verdict) for check in checks), strict=True)
    revised = [row["contract_id"] for row in await tx.fetch(_NOTE, *columns) if row["revised"]]
    if revised:
        received = {check.contract_id: check.event_id for check in checks}
        await reposition(tx, revised, cause=StageCause.DAILY_RUN, received=received)
        await publish_whole(tx, revised, ContractRevised, received=received)
