"""What a worklist may ask of a contract, without I/O. ``queries`` evaluates it for many contracts at once."""

from typing import Annotated, Literal

from chassis import Distinct, InputModel
from pydantic import Field, StrictInt
from recobro_events.contracts.portfolio import ApproachStep, Stage

from portfolio.segments.conditions import SegmentCode, Span

Days = Annotated[StrictInt, Field(ge=1, le=365)]


class WorklistConditions(InputModel):
    """A contract must meet every condition that is given. One contract that does brings its whole person.

    ``debt_age_days`` counts from the oldest unpaid due date. ``promise_broken_days``: a promise was broken within so
    many business days; 1 is yesterday's. ``payment_claimed``: the debtor claimed a payment, and none has arrived since.
    ``no_contact_days``: nobody has reached the debtor within so many days. ``address_to_review``: somebody has to look
    at an address.
    """

    segments: Distinct[Annotated[tuple[SegmentCode, ...], Field(min_length=1, max_length=50)]] | None = None
    steps: Distinct[Annotated[tuple[ApproachStep, ...], Field(min_length=1)]] | None = None
    stages: Distinct[Annotated[tuple[Stage, ...], Field(min_length=1)]] | None = None
    overdue_balance: Span | None = None
    debt_age_days: Span | None = None
    promise_broken_days: Days | None = None
    payment_claimed: Literal[True] | None = None
    no_contact_days: Days | None = None
    address_to_review: Literal[True] | None = None
