"""Every metric of promises, with unit and meaning."""

from chassis.metrics import Task
from prometheus_client import Counter, Gauge

CHECK = Task("promise-check")
WATCH = Task("promise-watch")
"""``CHECK`` is the promise check that a request starts, as a rule daily. ``WATCH`` runs by itself once a second."""

PROPOSALS = Counter("agreement_proposals", "Proposals of agreements that came into a state", ["kind", "state"])
SETTLED = Counter(
    "agreements_settled", "Agreements whose payments are final, so that the discount is given up", ["kind"]
)
UNDECIDED_SINCE = Gauge(
    "agreement_oldest_undecided_timestamp_seconds",
    "Since when a proposal of an agreement has waited for a second person, in Unix time; 0 when none waits",
)
