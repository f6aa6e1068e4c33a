"""Allocates an unidentified payment to the contract that it is for, or gives it back."""

from typing import NamedTuple
from uuid import UUID

from chassis import Amount, Conflict, FieldError, InputModel, Invalid, OutputModel, Problem, ShortText, Text
from pydantic import model_validator
from recobro_events import Money, Row, Transaction

from portfolio.ledger.identities import contract_id_of
from portfolio.ledger.locking import lock_contract, lock_for_changes
from portfolio.payments import reversing, unidentified
from portfolio.payments import unidentified_queries as queries
from portfolio.payments.booking import Incoming, PaymentFacts, book
from portfolio.payments.reversing import NewReversal
from portfolio.payments.unidentified import UnidentifiedPayment, UnidentifiedUnknown
from portfolio.tabular.cells import spelling_of


class NewAllocation(InputModel):
    """The contract, by id or by number, and how much of the money is for it; by default all that is left."""

    contract_id: UUID | None = None
    portfolio_id: UUID | None = None
    contract_number: ShortText | None = None
    amount: Amount | None = None

    @model_validator(mode="after")
    def _names_one_contract(self) -> "NewAllocation":
        by_number = [self.portfolio_id is not None, self.contract_number is not None]
        if any(by_number) == (self.contract_id is not None) or any(by_number) != all(by_number):
            raise ValueError("must have either contract_id, or portfolio_id and contract_number")
        return self

    @property
    def contract(self) -> UUID:
        if self.contract_id is not None:
            return self.contract_id
        assert self.portfolio_id is not None
        assert self.contract_number is not None
        return contract_id_of(self.portfolio_id, spelling_of(self.contract_number))


class NewGivingBack(InputModel):
    reason: Text


class AllocatedPayment(OutputModel):
    """The payment that was booked on the contract, and what is left of the unidentified one."""

    payment_id: UUID
    contract_id: UUID
    amount: Money
    unidentified: UnidentifiedPayment


class NothingLeft(Conflict):
    code = "nothing-left"
    detail = "Nothing of this payment waits any more: it is allocated, returned or reversed."


class _Meanwhile(NamedTuple):
    """The payments that have allocated parts of the money, with their contracts."""

    payments: tuple[UUID, ...]
    contracts: tuple[UUID, ...]


async def allocate(tx: Transaction, unidentified_id: UUID, new: NewAllocation) -> AllocatedPayment:
    """Book the money, or ``amount`` of it, as a payment of the contract with the bank's ``paid_on``.

    The first allocation keeps the bank's reference, a further one has its number behind it. Raises
    ``UnidentifiedUnknown``, ``ContractUnknown``, ``NothingLeft``, ``Invalid`` for a contract of another portfolio or
    more than is left, and what ``booking`` refuses.
    """
    contract = await lock_contract(tx, new.contract)
    waiting = await _locked(tx, unidentified_id)
    if contract["portfolio_id"] != waiting["portfolio_id"]:
        mistake = FieldError("/contract_id", "must be of the portfolio of the payment")
        raise Invalid("The contract belongs to another portfolio.", errors=[mistake])
    amount = new.amount or waiting["remaining"]
    if amount > waiting["remaining"]:
        mistake = FieldError("/amount", f"must not be above {waiting['remaining']}")
        raise Invalid("The payment has less money left.", errors=[mistake])
    number = waiting["allocations"] + 1
    facts = PaymentFacts(
        amount=amount,
        paid_on=waiting["paid_on"],
        channel=waiting["channel"],
        reference=waiting["reference"] if number == 1 else f"{waiting['reference']}/{number}",
    )
    [booked] = await book(tx, [Incoming(contract, facts, again=True, allocates=unidentified_id)])
    if isinstance(booked, Problem):
        raise booked
    await tx.execute(queries.ALLOCATE, unidentified_id, booked.payment_id, amount)
    return AllocatedPayment(
        payment_id=booked.payment_id,
        contract_id=contract["contract_id"],
        amount=amount,
        unidentified=await unidentified.read(tx, unidentified_id),
    )


async def give_back(tx: Transaction, unidentified_id: UUID, new: NewGivingBack) -> UnidentifiedPayment:
    """Note that what is left of the money goes back to the payer. Raises ``UnidentifiedUnknown``, ``NothingLeft``."""
    await _locked(tx, unidentified_id)
    await tx.execute(queries.RETURN, unidentified_id, new.reason)
    return await unidentified.read(tx, unidentified_id)


async def _locked(tx: Transaction, unidentified_id: UUID) -> Row:
    waiting = await tx.fetchrow(queries.LOCK, unidentified_id)
    if waiting is None:
        raise UnidentifiedUnknown()
    if waiting["state"] != "open":
        raise NothingLeft(extra={"state": waiting["state"]})
    return waiting


async def reverse(tx: Transaction, unidentified_id: UUID, reversal: NewReversal) -> bool:
    """Note that the bank has taken the money back. Every payment that was allocated from it is reversed.

    Returns False when another transaction has allocated some of it meanwhile; nothing has changed then. Raises what
    ``reversing.reverse`` does.
    """
    before = await _allocated(tx, unidentified_id)
    await lock_for_changes(tx, set(before.contracts))
    waiting = await tx.fetchrow(queries.LOCK, unidentified_id)
    if waiting is None or await _allocated(tx, unidentified_id) != before:
        return False
    if waiting["reversed_at"] is None:
        await tx.execute(queries.REVERSE, unidentified_id, reversal.reversed_on)
        for payment_id in before.payments:
            await reversing.reverse(tx, payment_id, reversal)
    return True


async def _allocated(tx: Transaction, unidentified_id: UUID) -> _Meanwhile:
    rows = await tx.fetch(queries.LIVE_ALLOCATIONS, unidentified_id)
    return _Meanwhile(tuple(row["payment_id"] for row in rows), tuple(row["contract_id"] for row in rows))
