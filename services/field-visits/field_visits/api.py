"""HTTP in: every route of field-visits."""

from field_visits import door_api, photos_api, visits_api

routers = (visits_api.router, door_api.router, photos_api.router)
