"""A campaign as the API shows it."""

from datetime import datetime
from uuid import UUID

from chassis import NotFound, OutputModel, Reader
from recobro_events import Money
from recobro_events.contracts.portfolio import ApproachStep, Stage

from dialer_feed.campaigns import queries
from dialer_feed.campaigns.rules import Kind, ListOrder, OneEntryPer, Permits, PhoneOrder


class CampaignUnknown(NotFound):
    code = "campaign-unknown"
    detail = "There is no such campaign."


class Campaign(OutputModel):
    campaign_id: UUID
    agency_id: UUID | None
    name: str
    min_overdue: Money
    stages: tuple[Stage, ...]
    segments: tuple[str, ...] | None
    steps: tuple[ApproachStep, ...] | None
    payment_holdoff_days: int
    portfolio_ids: tuple[UUID, ...] | None
    max_attempts_per_7_days: int | None
    one_entry_per: OneEntryPer
    parties: bool
    caller_ids: tuple[str, ...]
    permits: Permits
    kind: Kind
    min_total: Money | None
    due_within_days: int | None
    list_order: ListOrder | None
    daily_size: int | None
    phones_per_entry: int | None
    phone_order: tuple[PhoneOrder, ...]
    created_at: datetime


async def expect_campaign(reader: Reader, campaign_id: UUID, agency_id: UUID | None = None) -> Campaign:
    """Return the campaign. ``CampaignUnknown`` when there is none, or it is not this agency's."""
    row = await reader.fetchrow(queries.ONE, campaign_id, agency_id)
    if row is None:
        raise CampaignUnknown()
    return Campaign(**row)
