"""HTTP in: every route of assignment."""

from assignment.agencies.api import router as agencies
from assignment.placement_rules.api import router as placement_rules
from assignment.placements.api import router as placements

routers = (agencies, placement_rules, placements)
