"""The defaults of a new campaign, and how many there may be."""

from decimal import Decimal
from enum import StrEnum

from recobro_events.contracts.dialer_feed import CampaignKind
from recobro_events.contracts.portfolio import Stage


class OneEntryPer(StrEnum):
    """What has one entry on a list: each contract, or each person with all contracts of one currency."""

    CONTRACT = "contract"
    PERSON = "person"


Kind = CampaignKind
"""The steps of portfolios' ladders allow campaigns by their kinds too."""


class ListOrder(StrEnum):
    """Who comes first: the largest balance, the most days past due, or the person without contact for longest."""

    BALANCE = "balance"
    DAYS_PAST_DUE = "days_past_due"
    LAST_CONTACT = "last_contact"


class PhoneOrder(StrEnum):
    """Which of a person's numbers come first: verified ones, mobile ones, or the one that last answered."""

    VERIFIED = "verified"
    MOBILE = "mobile"
    LAST_ANSWERED = "last_answered"


class Permits(StrEnum):
    """Whether dialers must ask before each call. If it is required, a call without a permit is a breach."""

    OPTIONAL = "optional"
    REQUIRED = "required"


DEFAULT_MIN_OVERDUE = Decimal("100.00")
DEFAULT_STAGES = (Stage.EARLY, Stage.LATE)
DEFAULT_MIN_TOTAL = Decimal("100.00")
DEFAULT_DUE_WITHIN_DAYS = 5
DEFAULT_HOLDOFF_DAYS = 3
MOST_CAMPAIGNS = 1000
"""The most campaigns of one agency, and of those that are dialled from inside."""
MOST_CALLER_IDS = 1000
