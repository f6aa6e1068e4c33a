"""Charges and their reversals over HTTP."""

from uuid import UUID

from chassis import Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes

from portfolio.charges import reading, reversing, taking
from portfolio.charges.reading import Charge
from portfolio.charges.reversing import NewChargeReversal
from portfolio.charges.taking import ChargeReceipt, NewCharge

router = Router(prefix="/v1", tags=["contracts"])
_READS = [reads("portfolio")]
_WRITES = [writes("portfolio")]


@router.get("/contracts/{contract_id}/charges", dependencies=_READS)
async def list_charges(contract_id: UUID, query: PageQuery, connection: ReadConnection) -> Page[Charge]:
    """List the charges of the contract in the order of arrival."""
    return await reading.of_contract(connection, contract_id, query)


@router.post("/contracts/{contract_id}/charges", status_code=201, dependencies=_WRITES)
async def take_charge(contract_id: UUID, charge: NewCharge, tx: WriteTransaction) -> ChargeReceipt:
    """Take a charge, which raises or lowers what the contract owes, and publish it."""
    return await taking.take(tx, contract_id, charge)


@router.post("/charges/{charge_id}/reversal", status_code=201, dependencies=_WRITES)
async def reverse_charge(charge_id: UUID, reversal: NewChargeReversal, tx: WriteTransaction) -> ChargeReceipt:
    """Reverse a charge, at most once. The contract is then as if the charge had never been taken."""
    return await reversing.reverse(tx, charge_id, reversal)
