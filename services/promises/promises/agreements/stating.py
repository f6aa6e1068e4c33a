"""What the service publishes about proposals."""

from collections.abc import Iterable

from recobro_events import Row, Transaction
from recobro_events.contracts.promises import ProposalChanged

from promises import metrics


def state_changes(tx: Transaction, proposals: Iterable[Row]) -> None:
    """Publish the state of each of these rows of ``proposal``."""
    for row in proposals:
        tx.publish(proposal_event(row))
        tx.after_commit(metrics.PROPOSALS.labels(row["kind"], row["state"]).inc)


def proposal_event(row: Row) -> ProposalChanged:
    """Return the event of this row of ``proposal``."""
    names = ("contract_id", "agreement_id", "version", "kind", "state", "total", "discount", "currency", "valid_until")
    return ProposalChanged(**{name: row[name] for name in names})
