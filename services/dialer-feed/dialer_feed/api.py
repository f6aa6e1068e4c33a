"""Every HTTP route of dialer-feed."""

from dialer_feed.calls import api as calls
from dialer_feed.calls import breaches_api, dispositions_api
from dialer_feed.campaigns import api as campaigns
from dialer_feed.delivery import api as delivery
from dialer_feed.explaining import api as explaining
from dialer_feed.insight import api as insight
from dialer_feed.lists import api as lists
from dialer_feed.permits import api as permits
from dialer_feed.suppression import api as suppression
from dialer_feed.withdrawals import api as withdrawals
from dialer_feed.withdrawals import reports_api

routers = (
    campaigns.router,
    lists.router,
    delivery.router,
    explaining.router,
    withdrawals.router,
    reports_api.router,
    permits.router,
    calls.router,
    breaches_api.router,
    dispositions_api.router,
    suppression.router,
    insight.router,
)
