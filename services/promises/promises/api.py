"""HTTP in: every route of promises."""

from chassis import Router

from promises import agreements_api, checks_api, promises_api

routers: tuple[Router, ...] = (promises_api.router, agreements_api.router, checks_api.router)
