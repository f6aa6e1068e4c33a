"""Every metric of the chassis, with unit and meaning."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("http_requests", "Requests answered, by route template", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "From the first byte of a request to the last of its answer; long polls included",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
IDEMPOTENT_REPLAYS = Counter("http_idempotent_replays", "Answers given again for an Idempotency-Key")
TRANSACTIONS_REPEATED = Counter("http_transactions_repeated", "Requests run again after a deadlock")
