"""The environment of dialer-feed: the chassis's, and its own."""

from chassis import Settings
from pydantic import Field


class DialerFeedSettings(Settings):
    """How long it waits."""

    list_wait_seconds: float = Field(
        default=30.0,
        ge=0,
        le=600,
        description="How long the request of a list waits for it before it answers 202; seconds, 0 to 600.",
    )
