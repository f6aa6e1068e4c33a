"""Every metric of field-visits, with its meaning."""

from prometheus_client import Counter

BREACHES = Counter("contact_breaches", "Contacts that broke a rule of contact, by its kind", ["kind"])

# Every series starts at zero here, because a series that starts with its first case hides that case from every rate.
for _kind in ("outside_hours", "silence"):
    BREACHES.labels(_kind)
