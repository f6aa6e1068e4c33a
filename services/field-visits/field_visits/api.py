"""Every HTTP route of field-visits."""

from field_visits.documents import api as documents
from field_visits.door import api as door
from field_visits.door import breaches_api
from field_visits.insight import api as insight
from field_visits.photos import api as photos
from field_visits.visits import api as visits

routers = (visits.router, documents.router, door.router, breaches_api.router, photos.router, insight.router)
