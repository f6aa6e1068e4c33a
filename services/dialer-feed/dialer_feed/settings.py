"""The settings of dialer-feed, read from the environment."""

from chassis import Settings
from pydantic import Field


class DialerFeedSettings(Settings):
    """The chassis's settings, how long a request for a list waits, and the grace of agencies' reports."""

    list_wait_seconds: float = Field(
        default=30.0,
        ge=0,
        le=600,
        description=(
            "Seconds that a request for a list waits until the list is published, 0 to 600. Then the answer is 202."
        ),
    )
    report_grace_days: int = Field(
        default=3,
        ge=0,
        le=30,
        description=(
            "Days, 0 to 30, within which an agency may report a call that it made before its list was over and before"
            " it lost the contract. A later report is kept without effect."
        ),
    )
