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
PAGE_LINKS = Counter("debtor_page_links", "Links to the debtor's page that were made")
PAGE_OPENINGS = Counter(
    "debtor_page_openings",
    "Addresses of the debtor's page that were opened: outcome is identity where a link asks who somebody is, page where"
    " a signed-in debtor looks, nothing where no link or session is alive",
    ["outcome"],
)
PAGE_IDENTITIES = Counter(
    "debtor_page_identities",
    "Answers to who the debtor is: outcome is right, wrong, or locked where the link ended for too many wrong ones",
    ["outcome"],
)
PAGE_ACTS = Counter(
    "debtor_page_acts", "What debtors did on their page: kind is the act, outcome done or refused", ["kind", "outcome"]
)

UNDECIDED_SINCE = Gauge(
    "agreement_oldest_undecided_timestamp_seconds",
    "Since when a proposal of an agreement has waited for a second person, in Unix time; 0 when none waits",
)
