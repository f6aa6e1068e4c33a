"""HTTP in: every route of dialer-feed."""

from dialer_feed import campaigns_api, dialers_api, lists_api

routers = (campaigns_api.router, lists_api.router, dialers_api.router)
