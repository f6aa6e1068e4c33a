"""Every HTTP route of promises."""

from promises.agreements import api as agreements
from promises.insight import api as insight
from promises.outcomes import api as outcomes
from promises.taking import api as taking

routers = (taking.router, agreements.router, outcomes.router, insight.router)
