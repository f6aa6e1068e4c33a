"""What the service publishes about proposals."""

from collections.abc import Iterable

from recobro_events import Row, Transaction
from recobro_events.contracts.promises import ProposalChanged

from promises import metrics


def state_changes(tx: Transaction, proposals: Iterable[Row]) -> None:
    """Publish the state of each of these rows of ``proposal``."""
    for row in proposals:
        tx.publish(
            ProposalChanged(
                contract_id=row["contract_id"],
                agreement_id=row["agreement_id"],
                version=row["version"],
                kind=row["kind"],
                state=row["state"],
                total=row["total"],
                discount=row["discount"],
                currency=row["currency"],
                valid_until=row["valid_until"],
            )
        )
        tx.after_commit(metrics.PROPOSALS.labels(row["kind"], row["state"]).inc)
