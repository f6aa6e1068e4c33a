"""The rules for the terms of a new agreement. ``outcomes.plans`` decides when an agreement is broken. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from recobro_events.contracts.promises import AgreementKind

MIN_INSTALMENTS = 2
"""The least of a plan. A settlement may be paid at once."""
MAX_INSTALMENTS = 60
PROPOSAL_DAYS = 15
"""★ A proposal without payments and without an offer can be decided for so many days."""
MAX_DAYS_AHEAD = 5 * 366
"""A restructure of 60 monthly instalments fits."""

_NOTHING = Decimal("0.00")


def schedule_refused(due_days: Sequence[date], least: int = MIN_INSTALMENTS) -> str | None:
    """Return why these due days make no schedule; None when they do."""
    if len(due_days) < least:
        return f"must be {least} or more"
    if any(later <= earlier for earlier, later in pairwise(due_days)):
        return "must be due on days in rising order"
    return None


@dataclass(frozen=True, slots=True)
class Terms:
    """What is paid, and what is given up for it. ``settles_in_full``: both together are all that is owed."""

    kind: AgreementKind
    schedule: tuple[tuple[date, Decimal], ...]
    discount: Decimal
    balance: Decimal

    @property
    def total(self) -> Decimal:
        return sum((amount for _, amount in self.schedule), _NOTHING)

    @property
    def settles_in_full(self) -> bool:
        return self.total + self.discount == self.balance


def terms_refused(terms: Terms) -> tuple[str, str] | None:
    """Return the field that is wrong and why; None when the terms make an agreement of their kind."""
    if terms.total + terms.discount > terms.balance:
        return "discount", "must leave payments and discount together at most the total balance"
    if terms.kind is AgreementKind.RESTRUCTURE:
        if not terms.schedule:
            return "schedule", "is required"
        if not terms.settles_in_full:
            return "schedule", "must be, with the discount, the whole of the total balance"
        return None
    if terms.discount == 0:
        return "discount", "must be more than 0; without a discount make a plan"
    if terms.kind is AgreementKind.SETTLEMENT and not terms.schedule:
        return "schedule", "is required"
    return None


def discount_now(terms: Terms, balance: Decimal) -> Decimal | None:
    """Return the discount when the debt is ``balance`` now; None where the terms no longer fit the debt.

    What was added to the debt since the proposal is given up too by an agreement that settles all of it. A debt that
    has shrunk, or a restructure of another debt, has to be proposed again.
    """
    if balance < terms.balance or (terms.kind is AgreementKind.RESTRUCTURE and balance != terms.balance):
        return None
    return balance - terms.total if terms.settles_in_full else terms.discount
