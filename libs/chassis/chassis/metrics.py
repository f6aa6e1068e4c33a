"""Every metric of the chassis, with unit and meaning."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

from chassis.problems import Problem

REQUESTS = Counter("http_requests", "Requests answered, by route template", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte of a request to the last byte of its answer; includes long polls",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
REFUSED = Counter("http_refused", "Requests refused and connections ended because of a limit, by the limit", ["reason"])
IDEMPOTENT_REPLAYS = Counter(
    "http_idempotent_replays", "Requests answered with the stored answer of their Idempotency-Key"
)
TRANSACTIONS_REPEATED = Counter(
    "http_transactions_repeated", "Transactions repeated after a deadlock or serialization failure"
)

TASK_SECONDS = Histogram(
    "task_duration_seconds",
    "Duration of a task's runs by outcome: done, refused (wrong input), failed, or interrupted (the process ended)",
    ["task", "outcome"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 1800, 3600),
)
AUDIT_SEALED = Counter("audit_entries_sealed_total", "Entries of the audit table that this process has sealed")
CONTACT_BREACHES = Counter(
    "contact_breaches",
    "Contacts with debtors that broke a rule of contact, by the rule; wrongful calls apart",
    ["kind"],
)
TASK_SUCCEEDED_AT = Gauge(
    "task_last_success_timestamp_seconds",
    "Unix time of this process's last successful run of the task; 0 without one",
    ["task"],
)


class Task:
    """A recurring task. Each ``run`` is timed, and a successful run stores its time.

    The metric is 0 from the task's creation on, so a task that never ran differs from a task that does not exist.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._succeeded_at = TASK_SUCCEEDED_AT.labels(name)

    @contextmanager
    def run(self) -> Iterator[None]:
        started, outcome = time.perf_counter(), "interrupted"
        try:
            yield
            outcome = "done"
            self._succeeded_at.set_to_current_time()
        except Exception as error:
            outcome = "refused" if isinstance(error, Problem) and error.status < 500 else "failed"
            raise
        finally:
            TASK_SECONDS.labels(self._name, outcome).observe(time.perf_counter() - started)


KEYS = Task("token-keys")
DENY_LIST = Task("deny-list")
