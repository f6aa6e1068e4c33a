"""Receives payments in batches, as a bank or a core system sends them. A batch may be sent again at any time."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from chassis import ContractUnknown, InputModel, Invalid, OutputModel, Problem, ShortText, field_errors
from pydantic import Field, SkipValidation, ValidationError, model_validator
from recobro_events import Database, Transaction, cut_into_waves, step

from portfolio.ledger.identities import contract_id_of
from portfolio.ledger.locking import contracts_held, lock_for_changes
from portfolio.payments.booking import Booked, Incoming, PaymentFacts, PaymentKnown, ReferenceReversed, book
from portfolio.tabular.cells import spelling_of

MOST_PAYMENTS = 5_000
MOST_BYTES = 4 * 1024 * 1024
PIECE_PAYMENTS = 500

CONFLICT = "payment-conflict"
"""The reference has a live payment with another contract, amount or day."""
REVERSED = "reference_reversed"
"""The reference had a payment that was reversed. Only a person books it again, at the contract's own address."""


class BatchedPayment(PaymentFacts):
    """A payment of the contract ``contract_id``, or of that with this number in the portfolio."""

    contract_id: UUID | None = None
    portfolio_id: UUID | None = None
    contract_number: ShortText | None = None
    reference: ShortText

    @model_validator(mode="after")
    def _names_one_contract(self) -> "BatchedPayment":
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


class PaymentBatch(InputModel):
    """Each payment is checked and booked for itself."""

    payments: Annotated[list[SkipValidation[BatchedPayment]], Field(min_length=1, max_length=MOST_PAYMENTS)]


class RowStatus(StrEnum):
    ACCEPTED = "accepted"
    KNOWN = "known"
    REJECTED = "rejected"


class RowResult(OutputModel):
    """What became of the payment at ``index``, counted from 0.

    ``known``: it was booked before, with the same contract, amount and day. ``code`` and ``detail`` say why it was
    rejected; ``payment_id`` is then the payment that has its reference, if any.
    """

    index: int
    status: RowStatus
    payment_id: UUID | None = None
    code: str | None = None
    detail: str | None = None


class BatchOutcome(OutputModel):
    results: list[RowResult]


class PlacedPayment(NamedTuple):
    """A payment of the contract. ``place`` is its index in the batch, or the number of its row in a file."""

    contract_id: UUID
    place: int
    payment: PaymentFacts


async def receive_batch(database: Database, batch: PaymentBatch, say: Callable[[str], str] = str) -> BatchOutcome:
    """Book the payments in pieces by contract, each piece in its own transaction, and answer for each payment.

    ``say`` says why a payment is rejected in the language of the person who reads it.

    Payments of one contract are booked in their order. If a piece fails, the pieces before it are booked, and the batch
    may be sent again.
    """
    results: dict[int, RowResult] = {}
    rows: list[PlacedPayment] = []
    rejected = partial(_rejected, say=say)
    for index, given in enumerate(batch.payments):
        try:
            payment = BatchedPayment.model_validate(given)
        except ValidationError as error:
            mistakes = field_errors(error.errors())
            results[index] = rejected(index, Invalid("The payment has missing or wrong fields.", errors=mistakes))
        else:
            rows.append(PlacedPayment(payment.contract, index, payment))
    rows.sort()
    for start in range(0, len(rows), PIECE_PAYMENTS):
        results |= await step(database, partial(book_piece, rows=rows[start : start + PIECE_PAYMENTS], say=say))
    return BatchOutcome(results=[results[index] for index in range(len(batch.payments))])


async def book_piece(
    tx: Transaction, rows: Sequence[PlacedPayment], say: Callable[[str], str] = str
) -> Mapping[int, RowResult]:
    return {place: _result(place, outcome, say) for place, outcome in (await book_placed(tx, rows)).items()}


async def book_placed(tx: Transaction, rows: Sequence[PlacedPayment]) -> Mapping[int, Booked | Problem]:
    """Book these payments, those of one contract in their order. Returns what became of each, by its place."""
    contracts = await lock_for_changes(tx, {row.contract_id for row in rows})
    results: dict[int, Booked | Problem] = {
        row.place: ContractUnknown() for row in rows if row.contract_id not in contracts
    }
    known = [row for row in rows if row.contract_id in contracts]
    for number, wave in enumerate(cut_into_waves(known, key=lambda row: str(row.contract_id))):
        if number > 0:
            contracts = await contracts_held(tx, [row.contract_id for row in wave])
        incoming = [Incoming(contracts[row.contract_id], row.payment, attended=False) for row in wave]
        outcomes = await book(tx, incoming)
        results |= {row.place: outcome for row, outcome in zip(wave, outcomes, strict=True)}
    return results


def _result(index: int, outcome: Booked | Problem, say: Callable[[str], str]) -> RowResult:
    if isinstance(outcome, Booked):
        return RowResult(index=index, status=RowStatus.ACCEPTED, payment_id=outcome.payment_id)
    if isinstance(outcome, PaymentKnown) and outcome.is_same:
        return RowResult(index=index, status=RowStatus.KNOWN, payment_id=outcome.payment_id)
    return _rejected(index, outcome, say)


_REVERSED = (
    "The payment with this channel and reference was reversed, and no batch books it again. If the money has arrived on"
    ' this contract once more, send it alone to POST /v1/contracts/{contract_id}/payments with "again": true.'
)


def _rejected(index: int, problem: Problem, say: Callable[[str], str]) -> RowResult:
    code, detail = problem.code, say(problem.detail)
    if isinstance(problem, Invalid):
        detail = "; ".join([detail, *(f"{error.pointer}: {say(error.detail)}" for error in problem.errors)])
    elif isinstance(problem, PaymentKnown):
        code = CONFLICT
        detail = say(f"This channel and reference belong to another payment: {problem.known}. This one was not booked.")
    elif isinstance(problem, ReferenceReversed):
        code, detail = REVERSED, say(_REVERSED)
    payment_id: Any = problem.extra.get("payment_id")
    return RowResult(index=index, status=RowStatus.REJECTED, payment_id=payment_id, code=code, detail=detail[:2000])
