"""dialer-feed as a program, except that hours decide about no call: a day is played at whatever hour it is."""

from datetime import datetime, timedelta
from typing import Any

from dialer_feed.calls import hours
from dialer_feed.main import PROGRAM


def closes_at(_contract: Any, _place: Any, at: datetime) -> datetime:
    return at + timedelta(hours=1)


if __name__ == "__main__":
    hours._closes_at = closes_at  # type: ignore[assignment]  # it names what it does not use otherwise
    PROGRAM.run()
