"""HTTP in: every route of dialer-feed."""

from dialer_feed.campaigns import api as campaigns_api
from dialer_feed.lists import api as lists_api
from dialer_feed.withdrawals import api as dialers_api

routers = (campaigns_api.router, lists_api.router, dialers_api.router)
