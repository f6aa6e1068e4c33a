"""Portfolios: their business date, and the state that decides whether their contracts can go on lists.

Every change of ``state`` or ``staged_to`` is published under the lock of the portfolio's row. Payments and loading lock
the row FOR SHARE, so an exclusive lock (FOR UPDATE) must be held only for a moment.
"""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import jurisdictions
from chassis import (
    Distinct,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    Percent,
    Reader,
    ShortText,
    clock,
    page,
)
from chassis.letterheads import Letterhead, given
from pydantic import AfterValidator, BeforeValidator, Field
from recobro_events import Currency, Money, Row, Transaction
from recobro_events.contracts.portfolio import PortfolioState, PortfolioStateChanged

from portfolio.ledger.components import DEFAULT_ORDER, Component
from portfolio.portfolios import creditors, queries
from portfolio.portfolios.creditors import Creditor

FILE_CHANNEL = "file"
"""The channel of payments that files state. Nobody can post a payment of this channel."""


class PortfolioUnknown(NotFound):
    code = "portfolio-unknown"
    detail = "There is no portfolio with this id."


class DeltaRows(StrEnum):
    """What the rows of a delta say of a contract: all that is unpaid, or, if some is missing, a person decides."""

    WHOLE = "whole"
    ASK = "ask"


class Reductions(StrEnum):
    """What an amount is that a file reduces and no payment explains."""

    PAYMENT = "payment"
    CORRECTION = "correction"


class EmptyCells(StrEnum):
    """Whether empty cells of phones, e-mails and addresses keep the known values."""

    KEEP = "keep"
    CLEAR = "clear"


CodePage = Literal["cp1252", "cp850", "mac_roman"]
"""The code pages of ``portfolio.tabular.code_pages``."""


def _channel(name: str) -> str:
    if name.lower() == FILE_CHANNEL:
        raise ValueError(f"must not be {FILE_CHANNEL}, the channel of payments that files state")
    return name.lower()


PaymentChannel = Annotated[ShortText, AfterValidator(_channel)]
PaymentChannels = Annotated[
    tuple[PaymentChannel, ...], Field(min_length=1, max_length=100, examples=[["bank", "spei"]])
]


def _complete(order: tuple[Component, ...]) -> tuple[Component, ...]:
    if sorted(order) != sorted(Component):
        raise ValueError(f"must name each part once: {', '.join(DEFAULT_ORDER)}")
    return order


AllocationOrder = Annotated[
    tuple[Component, ...], Field(max_length=100, examples=[list(DEFAULT_ORDER)]), AfterValidator(_complete)
]

MOST_TOLERANCE = Decimal("1000.00")


class PromiseLimits(InputModel):
    """What a promise must keep to: its smallest share of the overdue balance, its last day, broken ones before it.

    A promise that is made from now on is kept if at most ``tolerance`` is missing. With ``grace_in_business_days`` its
    two days of grace are neither Saturdays, Sundays nor holidays of the jurisdiction.
    """

    min_share_percent: Percent = Decimal(10)
    max_days_ahead: Annotated[int, Field(ge=1, le=366)] = 30
    max_broken_per_episode: Annotated[int, Field(ge=0, le=100)] = 2
    tolerance: Annotated[Money, Field(ge=0, le=MOST_TOLERANCE)] = Decimal("0.00")
    grace_in_business_days: bool = False


class PortfolioSettings(InputModel):
    """What a portfolio decides about its files, payments and promises. What is left out keeps its value.

    ``posting_lag_days``: a payment may be missing in the creditor's files for so many days. ``payment_holdoff_days``:
    nobody is contacted on so many days, from ``holdoff_from`` of a payment on. ``code_page``: files that are not UTF-8
    are in it, where it reads best. ``snapshot_threshold_percent``: a snapshot that closes a larger share of the open
    contracts waits for a person. ``allocation_order``: in this order a payment pays the parts of an instalment.
    ``stage_notice_days``: a change of stage is announced so many days before; 0: never.
    """

    delta_rows: DeltaRows | None = None
    reductions: Reductions | None = None
    empty_cells: EmptyCells | None = None
    posting_lag_days: Annotated[int, Field(ge=0, le=60)] | None = None
    payment_holdoff_days: Annotated[int, Field(ge=0, le=60)] | None = None
    payment_channels: Distinct[PaymentChannels] | None = None
    promise_limits: PromiseLimits | None = None
    code_page: CodePage | None = None
    snapshot_threshold_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    allocation_order: AllocationOrder | None = None
    stage_notice_days: Annotated[int, Field(ge=0, le=30)] | None = None


_FINER_CURRENCIES = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND", "CLF", "UYW"})
"""Currencies whose smallest unit is less than a hundredth (ISO 4217, list one). Amounts have two decimals here."""


_CURRENCY = re.compile("[A-Z]{3}")


def _capitals(currency: object) -> object:
    if isinstance(currency, str) and not _CURRENCY.fullmatch(currency):
        raise ValueError("must be three capital letters such as MXN")
    return currency


def _two_decimals(currency: str) -> str:
    if currency in _FINER_CURRENCIES:
        raise ValueError(f"must not be {currency}: amounts have two decimals, and this currency has more")
    return currency


class NewPortfolio(PortfolioSettings):
    creditor_id: UUID
    name: ShortText
    product: ShortText | None = None
    currency: Annotated[Currency, BeforeValidator(_capitals), AfterValidator(_two_decimals)] = "MXN"
    jurisdiction: Annotated[str, Field(max_length=10, examples=["MX"])] = "MX"


class Portfolio(OutputModel):
    """``business_date`` is null before the first file. Every contract is staged up to ``staged_to``.

    ``returned_at``: the creditor has taken the portfolio back. Nothing is loaded into it any more.
    """

    portfolio_id: UUID
    creditor_id: UUID
    name: str
    product: str | None
    currency: str
    jurisdiction: str
    timezone: str
    state: PortfolioState
    business_date: date | None
    staged_to: date | None
    delta_rows: DeltaRows
    reductions: Reductions
    empty_cells: EmptyCells
    posting_lag_days: int
    payment_holdoff_days: int
    payment_channels: tuple[str, ...]
    promise_limits: PromiseLimits
    code_page: CodePage
    snapshot_threshold_percent: int
    allocation_order: tuple[Component, ...]
    stage_notice_days: int
    created_at: datetime
    returned_at: datetime | None
    return_reason: str | None


async def add(tx: Transaction, new: NewPortfolio) -> Portfolio:
    """Create a portfolio and publish it. Its days are days in the time zone of its jurisdiction."""
    await creditors.find(tx, new.creditor_id)
    try:
        timezone = jurisdictions.default_timezone(new.jurisdiction)
    except jurisdictions.UnknownJurisdiction as unknown:
        raise Invalid(str(unknown), errors=[FieldError("/jurisdiction", str(unknown))]) from unknown
    portfolio_id = await tx.fetchval(
        queries.ADD_PORTFOLIO, new.creditor_id, new.name, new.product, new.currency, new.jurisdiction, timezone
    )
    return await change(tx, portfolio_id, new)


async def change(tx: Transaction, portfolio_id: UUID, settings: PortfolioSettings) -> Portfolio:
    """Change the settings that are given, and publish the portfolio. Raises ``PortfolioUnknown``.

    New settings hold for what arrives from now on.
    """
    row = await tx.fetchrow(
        queries.CHANGE,
        portfolio_id,
        *(settings.delta_rows, settings.reductions, settings.empty_cells),
        *(settings.posting_lag_days, settings.payment_holdoff_days, settings.payment_channels),
        None if settings.promise_limits is None else settings.promise_limits.model_dump(mode="json"),
        settings.code_page,
        settings.snapshot_threshold_percent,
        settings.allocation_order,
        settings.stage_notice_days,
    )
    if row is None:
        raise PortfolioUnknown()
    await publish_state(tx, portfolio_id)
    return Portfolio.model_validate(dict(row))


async def change_creditor(tx: Transaction, creditor_id: UUID, letterhead: Letterhead) -> Creditor:
    """Change what letters say of the creditor, and publish it with all its portfolios. Raises ``CreditorUnknown``."""
    owned = await tx.fetch(queries.LOCK_PORTFOLIOS_OF, creditor_id)
    row = await tx.fetchrow(queries.CHANGE_CREDITOR, creditor_id, given(letterhead))
    if row is None:
        raise creditors.CreditorUnknown()
    for portfolio in owned:
        await publish_state(tx, portfolio["portfolio_id"])
    return Creditor.model_validate(dict(row))


async def find(reader: Reader, portfolio_id: UUID) -> Portfolio:
    """Return the portfolio. Raises ``PortfolioUnknown``."""
    row = await reader.fetchrow(queries.PORTFOLIO, portfolio_id)
    if row is None:
        raise PortfolioUnknown()
    return Portfolio.model_validate(dict(row))


async def listed(reader: Reader, query: PageQuery, creditor_id: UUID | None, returned: bool | None) -> Page[Any]:
    after = query.after(UUID)
    rows = await reader.fetch(queries.PORTFOLIOS[query.order], after, creditor_id, returned, query.limit + 1)
    return page(rows, query, key=lambda row: (row["portfolio_id"],))


async def today(reader: Reader, portfolio_id: UUID) -> date:
    """Return the wall clock's date in the portfolio's time zone. Raises ``PortfolioUnknown``."""
    day: date | None = await reader.fetchval(queries.TODAY, portfolio_id, clock.now())
    if day is None:
        raise PortfolioUnknown()
    return day


async def locked(tx: Transaction, portfolio_id: UUID) -> Row:
    """Lock the portfolio's row exclusively until the end of the transaction. Raises ``PortfolioUnknown``."""
    row = await tx.fetchrow(queries.LOCKED, portfolio_id)
    if row is None:
        raise PortfolioUnknown()
    return row


async def held_business_date(tx: Transaction, portfolio_id: UUID) -> date:
    """Return the business date and keep it from moving until the end of the transaction.

    The portfolio must have had a file.
    """
    day: date | None = await tx.fetchval(queries.BUSINESS_DATE, portfolio_id)
    if day is None:
        raise LookupError(f"portfolio {portfolio_id} has no business date yet")
    return day


async def publish_state(tx: Transaction, portfolio_id: UUID) -> None:
    """Publish the state of the portfolio. The caller has locked its row."""
    row = await tx.fetchrow(queries.STATE_TO_PUBLISH, portfolio_id)
    assert row is not None
    tx.publish(PortfolioStateChanged.model_validate(dict(row)))


async def republish_state(tx: Transaction, portfolio_id: UUID) -> None:
    """Republish the state of the portfolio to ``tx.audience``. Nothing has changed."""
    row = await tx.fetchrow(queries.CURRENT_STATE, portfolio_id)
    assert row is not None
    tx.publish(PortfolioStateChanged.model_validate(dict(row)))
