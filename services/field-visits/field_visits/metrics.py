"""Every metric of field-visits, with its meaning."""

from chassis.metrics import CONTACT_BREACHES

BREACHES = CONTACT_BREACHES

# Every series starts at zero here, because a series that starts with its first case hides that case from every rate.
for _kind in ("outside_hours", "silence", "inconvenient"):
    BREACHES.labels(_kind)
