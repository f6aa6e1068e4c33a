"""Every metric of the portfolio, with unit and meaning."""

from collections.abc import Iterable
from datetime import datetime

from chassis.metrics import Task
from prometheus_client import Counter, Gauge, Histogram
from recobro_events import Row

FILES = Counter(
    "portfolio_files",
    "Finished files: loaded, refused (the file has a fault or was not confirmed), failed (the service has a fault)",
    ["outcome"],
)
FILE_ROWS = Counter("portfolio_file_rows", "Rows of the files that were loaded: accepted or rejected", ["outcome"])
CHARGES = Counter("portfolio_charges", "Charges that were taken, and charges that were reversed", ["kind", "change"])
FILE_SECONDS = Histogram(
    "portfolio_file_seconds",
    "Time from a file's upload to its end, including the wait for its turn and for a person's confirmation",
    ["outcome"],
    buckets=(0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
)
FILE_WAITS_SINCE = Gauge(
    "portfolio_file_oldest_unfinished_timestamp_seconds",
    "Upload time of the oldest unfinished file, in Unix time; 0 when there is none. waits_for is loader, or"
    " confirmation by a person",
    ["waits_for"],
)

PAYMENT_FILES = Counter(
    "portfolio_payment_files",
    "Finished payment files of banks: loaded, tried, refused (the file has a fault), failed (the service has a fault)",
    ["outcome"],
)
PAYMENT_FILE_SECONDS = Histogram(
    "portfolio_payment_file_seconds",
    "Time from a payment file's upload to its end, including the wait for its turn",
    ["outcome"],
    buckets=(0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
PAYMENT_FILE_WAITS_SINCE = Gauge(
    "portfolio_payment_file_oldest_unfinished_timestamp_seconds",
    "Upload time of the oldest unfinished payment file, in Unix time; 0 when there is none",
)
UNIDENTIFIED = Gauge(
    "portfolio_unidentified_payments", "Payments that a bank's file has brought and that wait for a person"
)
UNIDENTIFIED_SINCE = Gauge(
    "portfolio_unidentified_payment_oldest_timestamp_seconds",
    "Arrival of the oldest payment that waits unidentified, in Unix time; 0 when there is none",
)
JUDGED = Counter(
    "portfolio_judged_contracts",
    "Contracts that were judged by the rules of their portfolio: their segment changed, their step, or neither",
    ["changed"],
)
DESK_ITEMS = Counter(
    "portfolio_desk_items",
    "People who were given to an operator of the desk, and how it ended: worked, rescheduled, escalated, released,"
    " taken_back (by a silence)",
    ["state"],
)
DESK_FILL_SECONDS = Histogram(
    "portfolio_desk_fill_seconds",
    "Time to fill a worklist of the desk",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
ESCALATED_SINCE = Gauge(
    "portfolio_oldest_desk_escalation_timestamp_seconds",
    "Since when a person of the desk waits for a supervisor, in Unix time; 0 when none waits",
)
WORKLIST_WAITS_SINCE = Gauge(
    "portfolio_oldest_worklist_to_fill_timestamp_seconds",
    "Since when a worklist waits to be filled, in Unix time; 0 when none waits",
)
PAUSES_UNAPPLIED = Gauge(
    "portfolio_unapplied_pauses", "Pauses of a person, a portfolio or a postal code that some contracts do not have yet"
)
RESTAGED = Counter(
    "portfolio_restaged_contracts", "Contracts that were staged because the bands of their portfolio changed"
)
RESTAGING_SINCE = Gauge(
    "portfolio_oldest_restaging_timestamp_seconds",
    "Since when contracts wait to be staged by new bands, in Unix time; 0 when none wait",
)

AGREEMENT_WAITS_SINCE = Gauge(
    "portfolio_oldest_agreement_timestamp_seconds",
    "Since when the consequences of an agreement wait to be taken, in Unix time; 0 when none wait",
)

ERASURES = Counter("portfolio_erasures", "Persons whose data were erased")

STAGING = Task("staging")
STAGING_OF_ONE = Task("staging-of-one")
"""``STAGING`` counts runs over all portfolios, as done every day; ``STAGING_OF_ONE`` runs for a single portfolio."""

# A rate misses the first increment of a series that did not exist before, so every series starts at 0.
for _state in ("given", "worked", "rescheduled", "escalated", "released", "taken_back"):
    DESK_ITEMS.labels(_state)
for _changed in ("segment", "step", "neither"):
    JUDGED.labels(_changed)
for _outcome in ("loaded", "refused", "failed", "tried"):
    FILES.labels(_outcome)
for _outcome in ("loaded", "refused", "failed"):
    PAYMENT_FILES.labels(_outcome)


def file_ended(outcome: str, seconds: float, *, accepted: int = 0, rejected: int = 0) -> None:
    """Count a file that was loaded, refused or failed, or tried by a dry run, ``seconds`` after its upload."""
    FILES.labels(outcome).inc()
    FILE_SECONDS.labels(outcome).observe(seconds)
    FILE_ROWS.labels("accepted").inc(accepted)
    FILE_ROWS.labels("rejected").inc(rejected)


def agreements_wait(since: datetime | None) -> None:
    """Report since when the consequences of an agreement have waited."""
    AGREEMENT_WAITS_SINCE.set(since.timestamp() if since else 0.0)


def judged(contracts: int, *, segments: int, steps: int) -> None:
    """Count contracts that were judged, and how many of them changed their segment or step."""
    JUDGED.labels("segment").inc(segments)
    JUDGED.labels("step").inc(steps)
    JUDGED.labels("neither").inc(contracts - segments - steps)


def files_wait(unfinished: Iterable[Row]) -> None:
    """Report the upload time of the oldest of these files. ``unfinished`` holds the next file of each portfolio."""
    oldest = {"loader": 0.0, "confirmation": 0.0}
    for file in unfinished:
        waits_for = "confirmation" if file["status"] == "needs_confirmation" else "loader"
        uploaded = file["received_at"].timestamp()
        oldest[waits_for] = min(oldest[waits_for] or uploaded, uploaded)
    for waits_for, uploaded in oldest.items():
        FILE_WAITS_SINCE.labels(waits_for).set(uploaded)


def payment_file_ended(outcome: str, seconds: float) -> None:
    """Count a bank's file that was loaded, refused or failed, ``seconds`` after its upload."""
    PAYMENT_FILES.labels(outcome).inc()
    PAYMENT_FILE_SECONDS.labels(outcome).observe(seconds)


def payment_files_wait(unfinished: Iterable[Row]) -> None:
    """Report the upload time of the oldest of these files."""
    PAYMENT_FILE_WAITS_SINCE.set(min((file["received_at"].timestamp() for file in unfinished), default=0.0))


def unidentified_wait(count: int, oldest: float | None) -> None:
    """Report how many payments wait for a person, and since when the oldest does, in Unix time."""
    UNIDENTIFIED.set(count)
    UNIDENTIFIED_SINCE.set(oldest or 0.0)
