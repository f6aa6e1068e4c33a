"""What the service publishes about proposals."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from recobro_events import Event, Row, Transaction
from recobro_events.contracts.promises import ProposalChanged

from promises import metrics


def state_changes(tx: Transaction, proposals: Iterable[Row], causes: Mapping[UUID, Event] | None = None) -> None:
    """Publish the state of each of these rows of ``proposal``. ``causes``: the events being applied, by contract."""
    for row in proposals:
        tx.publish(proposal_event(row), cause=causes[row["contract_id"]] if causes else None)
        tx.after_commit(metrics.PROPOSALS.labels(row["kind"], row["state"]).inc)


def proposal_event(row: Row) -> ProposalChanged:
    """Return the event of this row of ``proposal``."""
    names = ("contract_id", "agreement_id", "version", "kind", "state", "total", "discount", "currency", "valid_until")
    return ProposalChanged(**{name: row[name] for name in names})
