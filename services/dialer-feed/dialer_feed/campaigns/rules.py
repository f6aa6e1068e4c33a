"""The defaults of a new campaign, and how many there may be."""

from decimal import Decimal

from recobro_events.contracts.portfolio import Stage

DEFAULT_MIN_OVERDUE = Decimal("100.00")
DEFAULT_STAGES = (Stage.EARLY, Stage.LATE)
DEFAULT_HOLDOFF_DAYS = 3
MOST_CAMPAIGNS = 1000
"""The most campaigns of one agency, and of those that are dialled from inside."""
