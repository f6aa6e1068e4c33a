"""The letters of no debt that fulfilled agreements ask for: which are to be printed and delivered, and which were."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from chassis import (
    Conflict,
    Day,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Reader,
    clock,
    page,
)
from recobro_events import Transaction

from portfolio.documents import queries
from portfolio.documents.papers import DebtOpen
from portfolio.ledger import history
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract


class LetterState(StrEnum):
    """``waiting``: the agreement is fulfilled, and its payments are not final yet, so that the contract is not settled.

    ``due``: it can be printed. ``printed``: it was, and nobody has noted its delivery. ``withdrawn``: the agreement is
    not fulfilled any more, so that a letter that was delivered is not true.
    """

    WAITING = "waiting"
    DUE = "due"
    PRINTED = "printed"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"


class LetterMedium(StrEnum):
    """By which the debtor got the letter."""

    IN_PERSON = "in_person"
    POST = "post"
    EMAIL = "email"


class NoDebtLetter(OutputModel):
    """The letter of no debt for which a fulfilled agreement that settles in full asks, since ``asked_at``."""

    agreement_id: UUID
    contract_id: UUID
    portfolio_id: UUID
    state: LetterState
    asked_at: datetime
    printed_at: datetime | None
    medium: LetterMedium | None
    delivered_on: date | None
    delivered_by: ActorOfChange


class LetterDelivery(InputModel):
    """How and when the debtor got the letter. ``delivered_on`` is by default the business date, or today where that is
    later; it cannot be after it."""

    medium: LetterMedium
    delivered_on: Day | None = None


class LetterUnknown(NotFound):
    code = "letter-unknown"
    detail = "No letter of no debt was asked for by an agreement with this id."


class LetterNotPrinted(Conflict):
    code = "letter-not-printed"
    detail = "The letter was not printed, so it cannot be delivered."


class LetterEnded(Conflict):
    code = "letter-ended"
    detail = "The letter was delivered or withdrawn."


async def listed(
    reader: Reader,
    query: PageQuery,
    state: LetterState | None,
    portfolio_id: UUID | None,
    contract_id: UUID | None,
    to_deliver: bool | None,
) -> Page[NoDebtLetter]:
    """Return a page of letters in the order in which their agreements were made."""
    asked = (state, portfolio_id, contract_id, to_deliver)
    rows = await reader.fetch(queries.LETTERS[query.order], query.after(UUID), *asked, query.limit + 1)
    return page([NoDebtLetter(**row) for row in rows], query, key=lambda letter: (letter.agreement_id,))


async def read(reader: Reader, agreement_id: UUID) -> NoDebtLetter:
    """Return the letter. ``LetterUnknown``."""
    row = await reader.fetchrow(queries.LETTER, agreement_id)
    if row is None:
        raise LetterUnknown()
    return NoDebtLetter(**row)


async def deliver(tx: Transaction, agreement_id: UUID, delivery: LetterDelivery) -> NoDebtLetter:
    """Note that the debtor has got the letter. This is final while the agreement stays fulfilled.

    ``LetterUnknown``, ``LetterNotPrinted``, ``LetterEnded``, ``DebtOpen``; ``Invalid`` for a day in the future.
    """
    contract_id = (await read(tx, agreement_id)).contract_id
    await lock_contract(tx, contract_id)
    letter = await read(tx, agreement_id)
    if letter.state in (LetterState.DELIVERED, LetterState.WITHDRAWN):
        raise LetterEnded()
    if letter.state is LetterState.WAITING:
        raise DebtOpen()
    if letter.state is LetterState.DUE:
        raise LetterNotPrinted()
    latest = await tx.fetchval(queries.LATEST_DAY, contract_id, clock.now())
    day = delivery.delivered_on or latest
    if day > latest:
        raise Invalid(
            "A letter cannot be delivered in the future.",
            errors=[FieldError("/delivered_on", f"must be {latest} or earlier")],
        )
    await tx.execute(queries.DELIVER, agreement_id, delivery.medium, day)
    data = {"agreement_id": agreement_id, "medium": delivery.medium, "delivered_on": day}
    summary = f"the letter of no debt was delivered on {day}: {delivery.medium.replace('_', ' ')}"
    await history.record(tx, [Line(contract_id, "letter_delivered", summary, data)])
    return await read(tx, agreement_id)
