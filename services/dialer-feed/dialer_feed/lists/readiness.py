"""Checks whether the portfolios of a campaign are ready for a list of a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis import Conflict, Reader

from dialer_feed.lists.eligibility import IN_SCOPE

_NOT_READY = f"""
SELECT portfolio.portfolio_id, portfolio.name, portfolio.state, portfolio.business_date,
    parked_keys.key IS NOT NULL AS set_aside
FROM campaign
JOIN portfolio ON {IN_SCOPE}
LEFT JOIN parked_keys ON parked_keys.key = portfolio.portfolio_id::text
WHERE campaign.campaign_id = $1
    AND EXISTS (SELECT FROM contract WHERE contract.portfolio_id = portfolio.portfolio_id AND contract.state = 'open')
    AND (portfolio.state <> 'ready' OR portfolio.business_date IS DISTINCT FROM $2 OR parked_keys.key IS NOT NULL)
ORDER BY portfolio.name, portfolio.portfolio_id
"""


@dataclass(frozen=True)
class PortfolioReadiness:
    """A portfolio's state and business date, to compare with the day of a list."""

    portfolio_id: UUID
    name: str
    state: str
    business_date: date | None
    set_aside: bool = False
    """An event of the portfolio was set aside here, so the state that is kept here may be out of date."""

    def obstacle(self, day: date) -> str | None:
        """Return why no list of ``day`` can be built from the portfolio, in plain words; None when it can."""
        named = f'The portfolio "{self.name}" ({self.portfolio_id})'
        if self.business_date is not None and self.business_date > day:
            return f"{named} is already past {day}: its business date is {self.business_date}."
        if self.set_aside:
            return f"{named} has events that could not be applied and wait to be replayed."
        if self.state == "loading":
            return f"{named} is still loading a file."
        if self.business_date is None:
            return f"{named} has not been staged yet."
        if self.business_date < day:
            return f"{named} is not staged up to {day}: its business date is {self.business_date}."
        return None

    def is_past(self, day: date) -> bool:
        """Whether the portfolio is past the day. A business date never moves back, so this stays true."""
        return self.business_date is not None and self.business_date > day


class PortfolioNotReady(Conflict):
    """A portfolio is not ready for a list of that day; the detail names it."""

    code = "portfolio-not-ready"

    def __init__(self, unready: Sequence[PortfolioReadiness], day: date) -> None:
        super().__init__(" ".join(obstacle for portfolio in unready if (obstacle := portfolio.obstacle(day))))
        self.may_be_lag = not any(portfolio.is_past(day) for portfolio in unready)


async def refuse_unready_portfolios(reader: Reader, campaign_id: UUID, day: date) -> None:
    """``PortfolioNotReady`` when a portfolio of the campaign has open contracts and is not ready for this day."""
    unready = [PortfolioReadiness(**row) for row in await reader.fetch(_NOT_READY, campaign_id, day)]
    if unready:
        raise PortfolioNotReady(unready, day)
