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
    permit_seconds: int = Field(
        default=15,
        ge=1,
        le=120,
        description="Seconds, 1 to 120, within which a call may begin after its permit was given.",
    )
    permit_knowledge_seconds: int = Field(
        default=30,
        ge=10,
        le=600,
        description=(
            "The greatest age in seconds, 10 to 600, of the knowledge behind a permit. The service must have applied"
            " everything that the other services had acknowledged up to that many seconds ago. Otherwise it gives no"
            " permit, and answers `stale`."
        ),
    )
    permit_hearing_seconds: float = Field(
        default=10.0,
        ge=0.1,
        le=300,
        description=(
            "Seconds, 0.1 to 300, between two barriers by which the service learns how old its knowledge is. Must be"
            " less than half of `RECOBRO_PERMIT_KNOWLEDGE_SECONDS`."
        ),
    )
