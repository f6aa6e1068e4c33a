"""The sheet holds nothing secret, the letter is for the debtor alone, and names are printed unchanged."""

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import typst
from documents.press import Document, Press
from fastapi import FastAPI
from field_visits.documents import TEMPLATES
from visited_contracts import NUMBERS
from visits_scene import Scene, an_address

_DEBT = re.compile(r"deuda|adeud|deudor|saldo|cobr|pago|pagar|vencid|moros|contrato|crédito|mxn|\$\s*\d", re.IGNORECASE)
_HOSTILE = 'O\'Brien "Ñandú" #panic("x") $x^2$ *b* _i_ `r` <label> @ref \\ // /* https://a.b ${x} {{y}} ​ 漢字'


class RecordingPress(Press):
    """Prints like the real press, and records the documents."""

    def __init__(self) -> None:
        super().__init__(TEMPLATES)
        self.documents: list[tuple[str, Document]] = []

    async def print(self, template: str, document: Document) -> bytes:
        self.documents.append((template, document))
        return await super().print(template, document)


@pytest.fixture
def press(app: FastAPI) -> RecordingPress:
    press: RecordingPress = RecordingPress()
    app.state.press = press
    return press


def texts(value: Any) -> list[str]:
    """All texts of a document."""
    if isinstance(value, dict):
        return [text for child in value.values() for text in texts(child)]
    if isinstance(value, list | tuple):
        return [text for child in value for text in texts(child)]
    return [str(value)]


async def test_the_sheet_names_person_and_address_but_no_debt(scene: Scene, press: RecordingPress) -> None:
    contract = await scene.known_contract(addresses=[an_address(irregular_numbering=True)])
    visit = await scene.ordered(contract)
    answer = await scene.get(f"/v1/visits/{visit}/sheet.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["cache-control"] == "no-store"
    [(template, document)] = press.documents
    assert template == "sheet"
    printed = texts(document)
    for expected in (contract.name, contract.number, "Óscar Peña", "23 de noviembre de 2026", "5-B", "03100", "México"):
        assert expected in printed
    assert document["irregular_numbering"] is True
    assert not [text for text in printed if _DEBT.search(text) or any(number in text for number in NUMBERS)]


def test_the_sheets_fixed_text_mentions_no_debt() -> None:
    source = (TEMPLATES / "sheet.typ").read_text()
    assert not _DEBT.search("\n".join(line for line in source.splitlines() if not line.startswith("//")))
    assert "pregunte a los vecinos por el lugar; nunca por la persona" in source
    assert _DEBT.search((TEMPLATES / "letter.typ").read_text()), "the search must be able to find something"


async def test_the_letter_holds_company_address_and_balance(scene: Scene, press: RecordingPress) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    later = date(2026, 12, 1)
    await scene.receives(scene.portfolio_state(business_date=later, creditor_name="Financiera Ñandú"))
    answer = await scene.get(f"/v1/visits/{visit}/letter.pdf")
    assert answer.status_code == 200
    [(template, document)] = press.documents
    assert template == "letter"
    assert document == {
        "paper": "us-letter",
        "company": "Financiera Ñandú",
        "name": contract.name,
        "address": [
            "Avenida Insurgentes Sur 1234 Int. 5-B",
            "Col. Del Valle",
            "C.P. 03100 Benito Juárez, Ciudad de México",
        ],
        "contract_number": contract.number,
        "overdue_balance": "4,321.09 MXN",
        "total_balance": "98,765.43 MXN",
        "as_of": "1 de diciembre de 2026",
    }


async def test_a_cancelled_visit_has_neither_sheet_nor_letter(scene: Scene) -> None:
    contract = await scene.known_contract()
    cancelled, done = await scene.ordered_days(contract, 2)
    await scene.result(done)
    await scene.receives(contract.paid())
    for document in ("letter", "sheet"):
        answer = await scene.get(f"/v1/visits/{cancelled}/{document}.pdf")
        assert (answer.status_code, answer.json()["reason"]) == (409, "payment")
    assert (await scene.get(f"/v1/visits/{done}/letter.pdf")).json()["type"] == "urn:recobro:problem:visit-closed"
    assert (await scene.get(f"/v1/visits/{done}/sheet.pdf")).status_code == 200, (
        "a sheet on paper is entered after the visit"
    )


@pytest.mark.parametrize("long", [1, 40])
async def test_hostile_and_long_texts_are_printed_as_they_are(scene: Scene, long: int) -> None:
    parts = ("street", "exterior", "interior", "neighbourhood", "postal_code", "city", "state", "country")
    address = an_address(irregular_numbering=True, **dict.fromkeys(parts, "W" * long + _HOSTILE))
    contract = await scene.known_contract(name=_HOSTILE * 3, number="#" * 80, addresses=[address])
    await scene.receives(scene.portfolio_state(name=_HOSTILE * 2))
    visit = await scene.ordered(contract, visitor="W" * 200)
    for document in ("sheet", "letter"):
        assert (await scene.get(f"/v1/visits/{visit}/{document}.pdf")).content.startswith(b"%PDF-")


async def test_missing_parts_of_an_address_leave_no_gap(scene: Scene, press: RecordingPress) -> None:
    bare = an_address(**dict.fromkeys(("street", "exterior", "interior", "neighbourhood", "postal_code", "country")))
    contract = await scene.known_contract(addresses=[bare], overdue=Decimal("123456789.01"))
    visit = await scene.ordered(contract, override={"reason": "the debtor described the house"})
    for document in ("sheet", "letter"):
        assert (await scene.get(f"/v1/visits/{visit}/{document}.pdf")).status_code == 200
    sheet, letter = (document for _, document in press.documents)
    assert sheet["address"] == [["Ciudad o municipio", "Benito Juárez"], ["Estado", "Ciudad de México"]]
    assert letter["address"] == ["Benito Juárez, Ciudad de México"]
    assert letter["overdue_balance"] == "123,456,789.01 MXN"
    assert "None" not in texts([sheet, letter])


def test_markup_in_a_name_is_text_to_typst() -> None:
    document = {
        "paper": "a4",
        "company": "x",
        "name": _HOSTILE,
        "address": [_HOSTILE],
        "contract_number": "1",
        "overdue_balance": "1",
        "total_balance": "1",
        "as_of": "x",
    }
    compiler = typst.Compiler(
        TEMPLATES / "letter.typ",
        root=TEMPLATES,
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps(document)},
    )
    found = json.loads(compiler.query("strong", field="body"))
    assert {"func": "text", "text": _HOSTILE} in found
