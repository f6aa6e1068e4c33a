"""HTTP in: every route of assignment."""

from assignment import agencies_api, placements_api, rules_api

routers = (agencies_api.router, rules_api.router, placements_api.router)
