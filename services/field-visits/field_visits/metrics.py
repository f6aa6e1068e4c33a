"""Every metric of field-visits, with its meaning."""

from chassis.metrics import CONTACT_BREACHES
from prometheus_client import Gauge

BREACHES = CONTACT_BREACHES
ERASED_PHOTOS = Gauge(
    "field_visits_erased_photos", "Photos of erased persons whose bytes the storage has not deleted yet"
)

# Every series starts at zero here, because a series that starts with its first case hides that case from every rate.
for _kind in ("outside_hours", "silence", "inconvenient"):
    BREACHES.labels(_kind)
