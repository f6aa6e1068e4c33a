"""The environment of dialer-feed: the chassis's, and its own."""

from chassis import Settings
from pydantic import Field


class DialerFeedSettings(Settings):
    """``RECOBRO_LIST_WAIT_SECONDS``: how long the request of a list waits for it before it answers 202."""

    list_wait_seconds: float = Field(default=30.0, ge=0, le=600)
