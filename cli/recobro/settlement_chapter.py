"""The chapter of the demo about a settlement: offered, approved by a second person, accepted, and paid."""

import time
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

from recobro.client import Client
from recobro.errors import Trouble
from recobro.figures import Record
from recobro.language import tr
from recobro.story import Story
from recobro.terminal import amount

_DISCOUNT = Decimal("0.20")
_PAID_SECONDS = 120.0
Silences = Callable[[Callable[[], Record]], Record]


class Settlement:
    """``second_person`` is a client of another person, with the role of a supervisor."""

    def __init__(self, client: Client, second_person: Client, story: Story, contract: Record) -> None:
        """``contract`` has ``contract_id``, ``contract_number`` and ``total_balance``."""
        self._client, self._second_person, self._story = client, second_person, story
        self._contract_id = contract["contract_id"]
        self._number = contract["contract_number"]
        self._owed = Decimal(contract["total_balance"])
        self._discount = (self._owed * _DISCOUNT).quantize(Decimal("0.01"), ROUND_DOWN)
        self._path = ""

    def play(self, today: str, silences: Silences) -> None:
        """``silences`` does what takes the contract off its list, and waits for that."""
        story = self._story
        story.chapter(tr("A debtor settles for less, and a second person approves it"))
        sentence = tr(
            "The debtor of {contract} owes MXN {owed}. A clerk proposes to let MXN {discount} off if the rest is paid.",
            contract=self._number,
            owed=amount(self._owed),
            discount=amount(self._discount),
        )
        story.paragraph(sentence)
        self._propose(today)
        approved = self._second_person.post("promises", f"{self._path}/approval", {})
        story.fact(tr("a supervisor approves it"), approved["state"], "awaiting_acceptance")
        acceptance = {"by": "code", "proof": approved["acceptance_code"]}
        accepted = silences(lambda: self._client.post("promises", f"{self._path}/acceptance", acceptance))
        story.fact(tr("the debtor has accepted by its code, so nobody calls"), accepted["state"], "active")
        self._pay(today)

    def _propose(self, today: str) -> None:
        due_on = str(date.fromisoformat(today) + timedelta(days=5))
        rest = str(self._owed - self._discount)
        new = {"contract_id": self._contract_id, "kind": "settlement", "schedule": [{"due_on": due_on, "amount": rest}]}
        proposed = self._client.post_when_known("promises", "/v1/agreements", new)
        self._path = f"/v1/agreements/{proposed['agreement_id']}"
        sentence = tr("the discount of MXN {discount} waits for a second person", discount=amount(self._discount))
        self._story.fact(sentence, (proposed["state"], Decimal(proposed["discount"])), ("proposed", self._discount))

    def _pay(self, today: str) -> None:
        payment = {"amount": str(self._owed - self._discount), "paid_on": today, "channel": "spei"}
        payment |= {"reference": f"demo-{uuid.uuid4().hex[:12]}"}
        self._client.post("portfolio", f"/v1/contracts/{self._contract_id}/payments", payment)
        deadline = time.monotonic() + _PAID_SECONDS
        while (now := self._client.get("promises", self._path))["state"] == "active":
            if time.monotonic() > deadline:
                raise Trouble(tr("The settlement was not fulfilled within two minutes of its payment."))
            time.sleep(0.1)
        sentence = tr(
            "it is paid and fulfilled; MXN {discount} are given up when the payment is final",
            discount=amount(self._discount),
        )
        self._story.fact(sentence, (now["state"], now["settled_on"]), ("fulfilled", None))
