"""HTTP routes for campaigns."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from chassis import (
    Conflict,
    CurrentPrincipal,
    Distinct,
    InputModel,
    NotFound,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ShortText,
    WriteTransaction,
    Written,
    page,
    reads,
    writes,
)
from pydantic import Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError
from recobro_events import Money, Transaction
from recobro_events.contracts.portfolio import ApproachStep, Stage

from dialer_feed.campaigns import queries, rules
from dialer_feed.campaigns.reading import Campaign, expect_campaign

router = Router(prefix="/v1", tags=["campaigns"])


_SegmentCode = Annotated[
    str,
    Written("[a-z][a-z0-9_]{0,39}", "must be a code of small letters, digits and _, such as slow_payer"),
    Field(examples=["chronic"]),
]
"""The code of a segment, as the segment rules of the contract's portfolio name it."""

CallerIds = Distinct[
    Annotated[
        tuple[Annotated[str, Written(r"\+[1-9][0-9]{6,14}", "must be a number such as +525555123456")], ...],
        Field(max_length=rules.MOST_CALLER_IDS),
    ]
]


class Demands(InputModel):
    """What the campaign demands of its dialers.

    ``caller_ids`` are the registered numbers, in E.164, from which they call. With ``permits`` required, a call without
    a permit is a breach.
    """

    caller_ids: CallerIds = ()
    permits: rules.Permits = rules.Permits.OPTIONAL


class NewCampaign(Demands):
    """The contracts to dial, day by day. Null: all portfolios, and contracts of every segment and step.

    With ``agency_id`` the lists belong to that agency and hold contracts that are placed with it for dialing. With null
    we dial ourselves, and contracts need no placement. With ``one_entry_per`` person, a list has one entry for each
    person and currency, and the entry names the person's other contracts. With ``parties`` an entry also has the
    phones of the people besides the debtor who may be contacted, and lists hold contracts that have only these.

    A preventive campaign takes contracts of the stage current that owe more than ``min_total``, whose oldest unpaid
    instalment falls due within ``due_within_days`` days (by default 100.00 and 5). The others take what is overdue by
    more than ``min_overdue``. With ``daily_size`` a list has at most so many entries, the first by ``list_order``;
    null: all, by contract number. An entry has at most ``phones_per_entry`` numbers, the first by ``phone_order``, then
    in the creditor's order; those of parties come last.
    """

    name: ShortText
    agency_id: UUID | None = None
    min_overdue: Annotated[Money, Field(ge=0)] = rules.DEFAULT_MIN_OVERDUE
    stages: Distinct[Annotated[tuple[Stage, ...], Field(min_length=1)]] = rules.DEFAULT_STAGES
    segments: Distinct[Annotated[tuple[_SegmentCode, ...], Field(min_length=1, max_length=200)]] | None = None
    steps: Distinct[Annotated[tuple[ApproachStep, ...], Field(min_length=1)]] | None = None
    payment_holdoff_days: Annotated[StrictInt, Field(ge=0, le=365)] = rules.DEFAULT_HOLDOFF_DAYS
    portfolio_ids: Distinct[Annotated[tuple[UUID, ...], Field(min_length=1, max_length=1000)]] | None = None
    max_attempts_per_7_days: Annotated[StrictInt, Field(ge=1, le=1000)] | None = None
    one_entry_per: rules.OneEntryPer = rules.OneEntryPer.PERSON
    parties: StrictBool = False
    kind: rules.Kind = rules.Kind.BLASTER
    min_total: Annotated[Money, Field(ge=0)] | None = None
    due_within_days: Annotated[StrictInt, Field(ge=0, le=60)] | None = None
    list_order: rules.ListOrder | None = None
    daily_size: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None
    phones_per_entry: Annotated[StrictInt, Field(ge=1, le=20)] | None = None
    phone_order: Distinct[Annotated[tuple[rules.PhoneOrder, ...], Field(max_length=3)]] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is not rules.Kind.PREVENTIVE:
            if self.min_total is not None or self.due_within_days is not None:
                raise PydanticCustomError("kind", "only a preventive campaign has min_total and due_within_days")
        elif "min_overdue" in self.model_fields_set or self.stages_taken != (Stage.CURRENT,):
            raise PydanticCustomError("kind", "a preventive campaign takes the stage current, and min_total")
        if self.daily_size is not None and self.list_order is None:
            raise PydanticCustomError("list_order", "must have list_order with daily_size: it decides who is left out")
        return self

    @property
    def stages_taken(self) -> tuple[Stage, ...]:
        """The stages of the campaign; by default those of its kind."""
        is_usual = self.kind is rules.Kind.PREVENTIVE and "stages" not in self.model_fields_set
        return (Stage.CURRENT,) if is_usual else self.stages

    @property
    def due_before_long(self) -> tuple[Decimal | None, int | None]:
        """The least total balance and the days ahead of a preventive campaign."""
        if self.kind is not rules.Kind.PREVENTIVE:
            return None, None
        days = rules.DEFAULT_DUE_WITHIN_DAYS if self.due_within_days is None else self.due_within_days
        return rules.DEFAULT_MIN_TOTAL if self.min_total is None else self.min_total, days


class PortfolioNotYetKnown(NotFound):
    """The portfolio does not exist, or it was created a moment ago."""

    code = "portfolio-unknown"
    may_be_lag = True


class TooManyCampaigns(Conflict):
    code = "too-many-campaigns"
    detail = f"An agency may have at most {rules.MOST_CAMPAIGNS} campaigns, and so may those that dial from inside."


@router.post("/campaigns", status_code=201, dependencies=[writes("dialer-feed")])
async def create_campaign(new: NewCampaign, tx: WriteTransaction) -> Campaign:
    """Create a campaign for an agency, or one that we dial ourselves.

    This service does not check that the agency exists. The lists of an agency without placements are empty.
    """
    await _expect_portfolios(tx, new.portfolio_ids or ())
    if await tx.fetchval(queries.COUNT, new.agency_id) >= rules.MOST_CAMPAIGNS:
        raise TooManyCampaigns()
    row = await tx.fetchrow(
        queries.CREATE,
        new.name,
        new.agency_id,
        new.min_overdue,
        new.stages_taken,
        new.payment_holdoff_days,
        new.portfolio_ids,
        new.max_attempts_per_7_days,
        new.one_entry_per,
        new.parties,
        new.segments,
        new.steps,
        new.caller_ids,
        new.permits,
        new.kind,
        *new.due_before_long,
        new.list_order,
        new.daily_size,
        new.phones_per_entry,
        new.phone_order,
    )
    assert row is not None
    return Campaign(**row)


async def _expect_portfolios(tx: Transaction, portfolio_ids: Sequence[UUID]) -> None:
    if unknown := await tx.fetch(queries.UNKNOWN_PORTFOLIOS, portfolio_ids):
        named = ", ".join(str(row["portfolio_id"]) for row in unknown)
        raise PortfolioNotYetKnown(f"There is no such portfolio: {named}.")


@router.get("/campaigns", dependencies=[reads("dialer-feed", agency=True)])
async def list_campaigns(query: PageQuery, reader: ReadConnection, who: CurrentPrincipal) -> Page[Campaign]:
    """List campaigns, oldest first. An agency's token lists the agency's own campaigns only."""
    after = query.after(datetime, UUID) or (None, None)
    rows = await reader.fetch(queries.PAGE[query.order], *after, who.agency_id, query.limit + 1)
    return page(rows, query, key=lambda row: (row["created_at"].isoformat(), row["campaign_id"]))


@router.get("/campaigns/{campaign_id}", dependencies=[reads("dialer-feed", agency=True)])
async def read_campaign(campaign_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Campaign:
    """Read a campaign."""
    return await expect_campaign(reader, campaign_id, who.agency_id)


@router.put("/campaigns/{campaign_id}/demands", dependencies=[writes("dialer-feed")])
async def change_demands(campaign_id: UUID, new: Demands, tx: WriteTransaction) -> Campaign:
    """Replace what the campaign demands of its dialers: registered caller ids, and permits. It holds at once."""
    await tx.execute(queries.DEMAND, campaign_id, new.caller_ids, new.permits)
    return await expect_campaign(tx, campaign_id)
