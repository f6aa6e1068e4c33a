"""The settings of dialer-feed, read from the environment."""

from chassis import Settings
from pydantic import Field


class DialerFeedSettings(Settings):
    """The chassis's settings, and how long a request for a list waits."""

    list_wait_seconds: float = Field(
        default=30.0,
        ge=0,
        le=600,
        description="How long the request of a list waits for it before it answers 202; seconds, 0 to 600.",
    )
