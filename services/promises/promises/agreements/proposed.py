"""The terms of a proposal as they were proposed, and their hash, by which a signature says what was signed."""

import hashlib
import json
from datetime import date
from decimal import Decimal
from typing import Any

from recobro_events import Row
from recobro_events.contracts.promises import AgreementKind

from promises.agreements.rules import Terms


def terms_of_proposal(proposal: Row) -> Terms:
    """Return the terms of this row of ``proposal``. An approval may have raised the stored discount, as the debt had
    grown; the discount of the terms is the first one."""
    planned: list[dict[str, Any]] = proposal["schedule"]
    schedule = tuple((date.fromisoformat(one["due_on"]), Decimal(one["amount"])) for one in planned)
    terms = Terms(AgreementKind(proposal["kind"]), schedule, proposal["discount"], proposal["balance"])
    if not proposal["settles_in_full"]:
        return terms
    return Terms(terms.kind, schedule, terms.balance - terms.total, terms.balance)


def sha256_of(proposal: Row) -> str:
    """Return the hash of the terms, which no change of the proposal changes.

    It is the SHA-256 of their JSON in UTF-8, with sorted names, without blanks, and with amounts and days as texts.
    """
    terms = terms_of_proposal(proposal)
    stated = {
        "agreement_id": str(proposal["agreement_id"]),
        "balance": f"{terms.balance:.2f}",
        "contract_id": str(proposal["contract_id"]),
        "currency": proposal["currency"],
        "discount": f"{terms.discount:.2f}",
        "kind": terms.kind.value,
        "schedule": [{"amount": f"{amount:.2f}", "due_on": str(due_on)} for due_on, amount in terms.schedule],
        "settles_in_full": proposal["settles_in_full"],
        "valid_until": str(proposal["valid_until"]),
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
