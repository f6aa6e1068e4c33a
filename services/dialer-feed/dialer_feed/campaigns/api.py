"""Campaigns over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    InputModel,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ShortText,
    WriteTransaction,
    heard_of,
    page,
    reads,
    writes,
)
from pydantic import AfterValidator, Field, StrictInt
from recobro_events import Money, Transaction
from recobro_events.contracts.portfolio import Stage

from dialer_feed.campaigns import rules
from dialer_feed.lists import queries

router = Router(prefix="/v1", tags=["campaigns"])
T = TypeVar("T", bound=Sequence[object] | None)


class CampaignUnknown(NotFound):
    code = "campaign-unknown"
    detail = "There is no such campaign."


def _no_doubles(values: T) -> T:
    if values is not None and len(set(values)) < len(values):
        raise ValueError("must not name one twice")
    return values


class NewCampaign(InputModel):
    """Whom to dial, day by day. ``portfolio_ids`` null: all portfolios.

    With ``agency_id`` the lists are that agency's and hold contracts that are placed with it for dialing. Null: dialled
    from inside, no placement needed.
    """

    name: ShortText
    agency_id: UUID | None = None
    min_overdue: Annotated[Money, Field(ge=0)] = rules.DEFAULT_MIN_OVERDUE
    stages: Annotated[tuple[Stage, ...], Field(min_length=1), AfterValidator(_no_doubles)] = rules.DEFAULT_STAGES
    payment_holdoff_days: Annotated[StrictInt, Field(ge=0, le=365)] = rules.DEFAULT_HOLDOFF_DAYS
    portfolio_ids: Annotated[
        tuple[UUID, ...] | None, Field(min_length=1, max_length=1000), AfterValidator(_no_doubles)
    ] = None
    max_attempts_per_7_days: Annotated[StrictInt, Field(ge=1, le=1000)] | None = None


class Campaign(OutputModel):
    campaign_id: UUID
    agency_id: UUID | None
    name: str
    min_overdue: Money
    stages: tuple[Stage, ...]
    payment_holdoff_days: int
    portfolio_ids: tuple[UUID, ...] | None
    max_attempts_per_7_days: int | None
    created_at: datetime


@router.post("/campaigns", status_code=201, dependencies=[writes("dialer-feed")])
async def create_campaign(new: NewCampaign, tx: WriteTransaction) -> Campaign:
    """Create a campaign: of an agency, or dialled from inside.

    Whether there is such an agency is not known here; without placements its lists are empty.
    """
    await _expect_portfolios(tx, new.portfolio_ids or ())
    row = await queries.create_campaign(
        tx,
        (
            new.name,
            new.agency_id,
            new.min_overdue,
            new.stages,
            new.payment_holdoff_days,
            new.portfolio_ids,
            new.max_attempts_per_7_days,
        ),
    )
    return Campaign(**row)


async def _expect_portfolios(tx: Transaction, portfolio_ids: Sequence[UUID]) -> None:
    """One that was created a moment ago may not have been heard of here yet: that is waited for, up to 2 s."""
    unknown: Sequence[UUID] = portfolio_ids

    async def all_known() -> bool:
        nonlocal unknown
        unknown = await queries.unknown_portfolios(tx, portfolio_ids)
        return not unknown

    if not await heard_of(all_known):
        named = ", ".join(map(str, unknown))
        raise NotFound(f"There is no such portfolio: {named}.", code="portfolio-unknown")


@router.get("/campaigns", dependencies=[reads("dialer-feed", agency=True)])
async def list_campaigns(query: PageQuery, reader: ReadConnection, who: CurrentPrincipal) -> Page[Campaign]:
    """Campaigns, oldest first."""
    after = query.after(datetime, UUID)
    rows = await queries.campaigns(reader, (after[0], after[1]) if after else None, who.agency_id, query.limit + 1)
    return page(rows, query, key=lambda row: (row["created_at"].isoformat(), row["campaign_id"]))


@router.get("/campaigns/{campaign_id}", dependencies=[reads("dialer-feed", agency=True)])
async def read_campaign(campaign_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Campaign:
    row = await queries.campaign(reader, campaign_id, who.agency_id)
    if row is None:
        raise CampaignUnknown()
    return Campaign(**row)
