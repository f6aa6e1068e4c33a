"""The chapter of the demo about the bank's file, and about the guarantor of the contract that it pays."""

import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from recobro.client import Client
from recobro.errors import Trouble
from recobro.figures import Record
from recobro.language import tr
from recobro.story import Story

_FILE = "pagos.csv"
_COUNTS = ("payments", "known", "reversals", "unidentified", "rows_rejected")


def play_bank_file(client: Client, story: Story, portfolio_id: str, today: str, contract: Record) -> None:
    """Try a bank's file and book it, allocate what it does not identify, and add a guarantor to ``contract``.

    ``contract`` has ``contract_id`` and ``contract_number``, and is on no live list.
    """
    story.chapter(tr("The bank sends its file"))
    story.paragraph(
        tr(
            "One payment names {contract}. The other one names no contract, so it waits for a person.",
            contract=contract["contract_number"],
        )
    )
    mark = f"demo-{uuid.uuid4().hex[:12]}"
    rows = (
        "paid_on,amount,bank_reference,contract_number",
        f"{today},1.00,{mark}-1,{contract['contract_number']}",
        f"{today},2.00,{mark}-2,",
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / _FILE
        file.write_text("\n".join((*rows, "")), encoding="utf-8")
        query = {"filename": _FILE, "control_rows": 2, "control_amount": "3.00", "dry_run": True}
        path = f"/v1/portfolios/{portfolio_id}/payment-files"
        sent = client.upload("portfolio", path, file, query, lambda _: None)
    tried = _at_rest(client, sent["file_id"])
    expected = dict.fromkeys(_COUNTS, 0) | {"payments": 1, "unidentified": 1}
    sentence = tr("tried before it is booked: 1 payment would be booked, 1 would wait, and nothing has changed")
    story.fact(sentence, _counts(tried), expected)
    client.post("portfolio", f"/v1/payment-files/{sent['file_id']}/booking", {})
    story.fact(tr("booked, it does what the trial has said"), _counts(_at_rest(client, sent["file_id"])), expected)
    [waiting] = client.items("portfolio", "/v1/unidentified-payments", state="open", file_id=sent["file_id"])
    path = f"/v1/unidentified-payments/{waiting['unidentified_id']}/allocation"
    allocated = client.post("portfolio", path, {"contract_id": contract["contract_id"]})
    sentence = tr("a person says whose the other payment is: MXN 0.00 of it wait")
    story.fact(sentence, allocated["unidentified"]["remaining"], "0.00")
    _guarantor(client, story, contract)


def _guarantor(client: Client, story: Story, contract: Record) -> None:
    new = {"role": "guarantor", "name": "Rosa Gil", "contact_points": [{"kind": "phone", "value": "8715550177"}]}
    party = client.post("portfolio", f"/v1/contracts/{contract['contract_id']}/parties", new)
    sentence = tr("{contract} has a guarantor, whom the rules let us contact", contract=contract["contract_number"])
    story.check(sentence, passed=party["contactable"])


def _at_rest(client: Client, file_id: str) -> Record:
    deadline = time.monotonic() + 120
    while (view := client.get("portfolio", f"/v1/payment-files/{file_id}"))["status"] not in ("loaded", "failed"):
        if time.monotonic() > deadline:
            raise Trouble(tr("The bank's file has not been booked within two minutes."))
        time.sleep(0.1)
    file: Record = view
    return file


def _counts(file: Record) -> dict[str, int]:
    return {name: file[name] for name in _COUNTS}
