"""The part of the demo that leaves something for a person to decide: a discount, and what a dialer's own code means."""

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from recobro.client import Client, Refused
from recobro.figures import Record
from recobro.language import tr
from recobro.story import Story
from recobro.terminal import amount

_SHARE = Decimal("0.80")
_OWN_CODE = "NC-9"


def play_decisions(
    client: Client, story: Story, contract_id: str, entry: Record, today: str, list_id: str, dialer: Client
) -> None:
    """Propose a settlement on a listed contract, which silences nobody yet, and report a call by an unknown code."""
    story.chapter(tr("A discount waits for a second person"))
    owed = Decimal(client.get("portfolio", f"/v1/contracts/{contract_id}")["total_balance"])
    to_pay = (owed * _SHARE).quantize(Decimal("0.01"), ROUND_HALF_UP)
    story.paragraph(
        tr(
            "The debtor of {contract} owes MXN {owed} in all and could pay MXN {to_pay} at once. It is proposed.",
            contract=entry["contract_number"],
            owed=amount(owed),
            to_pay=amount(to_pay),
        )
    )
    due_on = str(date.fromisoformat(today) + timedelta(days=5))
    schedule = [{"due_on": due_on, "amount": str(to_pay)}]
    new = {"contract_id": contract_id, "kind": "settlement", "schedule": schedule}
    proposed = client.post_when_known("promises", "/v1/agreements", new)
    story.fact(tr("who has proposed it cannot approve it"), _refused(client, proposed["agreement_id"]), "same-person")
    call = {
        "call_id": f"demo-{uuid.uuid4().hex[:12]}",
        "list_id": list_id,
        "contract_number": entry["contract_number"],
        "phone": entry["phones"][0],
        "agent": "agent-3",
        "started_at": datetime.now(UTC).isoformat(),
        "duration_seconds": 0,
        "disposition_code": _OWN_CODE,
    }
    dialer.post("dialer-feed", "/v1/calls", [call])
    known = [one["code"] for one in dialer.items("dialer-feed", "/v1/disposition-codes")]
    text = tr("a dialer reports by its own code {code}, which waits until somebody explains it", code=_OWN_CODE)
    story.fact(text, known.count(_OWN_CODE), 1)


def _refused(client: Client, agreement_id: str) -> str:
    try:
        client.post("promises", f"/v1/agreements/{agreement_id}/approval", None)
    except Refused as refused:
        return refused.code
    return ""
