"""HTTP in: every route of promises."""

from chassis import Router

from promises.agreements import api as agreements_api
from promises.outcomes import api as checks_api
from promises.taking import api as promises_api

routers: tuple[Router, ...] = (promises_api.router, agreements_api.router, checks_api.router)
