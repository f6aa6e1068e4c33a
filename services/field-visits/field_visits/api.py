"""HTTP in: every route of field-visits."""

from field_visits.door import api as door_api
from field_visits.photos import api as photos_api
from field_visits.visits import api as visits_api

routers = (visits_api.router, door_api.router, photos_api.router)
