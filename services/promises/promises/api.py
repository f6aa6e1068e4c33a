"""Every HTTP route of promises."""

from promises.agreements import api as agreements
from promises.authority import api as authority
from promises.debtor_page import api as debtor_page
from promises.debtor_page import pages
from promises.insight import api as insight
from promises.offers import api as offers
from promises.outcomes import api as outcomes
from promises.taking import api as taking

routers = (
    taking.router,
    agreements.router,
    authority.router,
    offers.router,
    outcomes.router,
    insight.router,
    debtor_page.router,
)
public = (pages.router,)
"""What is open to everyone."""
