"""The defaults of a new campaign."""

from decimal import Decimal

from recobro_events.contracts.portfolio import Stage

DEFAULT_MIN_OVERDUE = Decimal("100.00")
DEFAULT_STAGES = (Stage.EARLY, Stage.LATE)
DEFAULT_HOLDOFF_DAYS = 3
