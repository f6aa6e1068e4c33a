"""What the service publishes about proposals."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from recobro_events import Event, Row, Transaction
from recobro_events.contracts.promises import ProposalChanged, ProposedInstalment, ProposedTerms

from promises import metrics
from promises.agreements.proposed import sha256_of, terms_of_proposal


def state_changes(tx: Transaction, proposals: Iterable[Row], causes: Mapping[UUID, Event] | None = None) -> None:
    """Publish the state of each of these rows of ``proposal``. ``causes``: the events being applied, by contract."""
    for row in proposals:
        tx.publish(proposal_event(row), cause=causes[row["contract_id"]] if causes else None)
        tx.after_commit(metrics.PROPOSALS.labels(row["kind"], row["state"]).inc)


def proposal_event(row: Row) -> ProposalChanged:
    """Return the event of this row of ``proposal``."""
    names = ("contract_id", "agreement_id", "version", "kind", "state", "total", "discount", "currency", "valid_until")
    terms = terms_of_proposal(row)
    stated = ProposedTerms(
        proposed_on=row["proposed_on"],
        balance=terms.balance,
        discount=terms.discount,
        settles_in_full=row["settles_in_full"],
        schedule=tuple(ProposedInstalment(due_on=due_on, amount=amount) for due_on, amount in terms.schedule),
        sha256=sha256_of(row),
    )
    awaits = row["needs_approval"] and row["second_decided_at"] is None
    return ProposalChanged(**{name: row[name] for name in names}, awaits_second_person=awaits, terms=stated)
