"""Every metric of the console, with its unit and meaning. Requests are counted as in the services."""

from prometheus_client import Counter, Gauge

PAGES = Gauge("console_pages_open", "Open pages that listen for what changes")
LIVE = Gauge(
    "console_live", "1 while this process follows the event log, else 0: pages then change only when read anew"
)
UNREACHABLE = Counter(
    "console_service_unreachable", "Calls to a service that got no answer, by the service", ["service"]
)
