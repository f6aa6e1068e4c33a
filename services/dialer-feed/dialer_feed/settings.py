"""The settings of dialer-feed, read from the environment."""

from chassis import Settings
from pydantic import Field


class DialerFeedSettings(Settings):
    """The chassis's settings, and how long a request for a list waits."""

    list_wait_seconds: float = Field(
        default=30.0,
        ge=0,
        le=600,
        description=(
            "Seconds that a request for a list waits until the list is published, 0 to 600. After them it answers 202."
        ),
    )
