"""The routers of all subjects of assignment."""

from assignment.agencies import api as agencies
from assignment.commissions import api as commissions
from assignment.insight import api as insight
from assignment.placement_rules import api as placement_rules
from assignment.placements import api as placements
from assignment.placing import api as placing

routers = (
    agencies.router,
    commissions.router,
    placement_rules.router,
    placing.router,
    placements.router,
    insight.router,
)
