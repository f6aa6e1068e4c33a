"""What a campaign's list of a day would hold, by what is known now. Nothing is built."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from chassis import OutputModel, Reader
from recobro_events import MoneyTotal

from dialer_feed.campaigns.reading import expect_campaign
from dialer_feed.explaining import queries
from dialer_feed.lists import frequency


class RuleCount(OutputModel):
    """The open contracts that one rule keeps off the list: the first that holds counts."""

    rule: str
    contracts: int
    overdue_balance: MoneyTotal


class Preview(OutputModel):
    """``entries`` is the number of entries that the list would have, ``contracts`` the number that they would name.

    A list is built from what is known when its barrier is reached, so it may differ.
    """

    campaign_id: UUID
    business_date: date
    entries: int
    contracts: int
    overdue_balance: MoneyTotal
    kept_off: tuple[RuleCount, ...]


async def preview(reader: Reader, campaign_id: UUID, day: date) -> Preview:
    """Count the campaign's open contracts by the rule that would keep them off."""
    await expect_campaign(reader, campaign_id)
    rows = await reader.fetch(queries.PREVIEW, campaign_id, day, *frequency.limits())
    taken = next((row for row in rows if row["rule"] is None), None)
    return Preview(
        campaign_id=campaign_id,
        business_date=day,
        entries=taken["entries"] if taken else 0,
        contracts=taken["contracts"] if taken else 0,
        overdue_balance=taken["overdue_balance"] if taken else Decimal(0),
        kept_off=tuple(
            RuleCount(rule=row["rule"], contracts=row["contracts"], overdue_balance=row["overdue_balance"])
            for row in rows
            if row["rule"] is not None
        ),
    )
