"""The sheet holds nothing secret, the letter is for the debtor alone, and names are printed unchanged."""

import json
import re
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
import typst
from documents.wording import money_in_letter, unprintable_script
from field_visits.documents import TEMPLATES
from field_visits.documents.letter_texts import TEXTS
from printed_documents import RecordingPress, texts
from recobro_events.contracts.portfolio import Components
from visited_contracts import balances_in
from visits_scene import Scene, a_placement, an_address

_DEBT = re.compile(r"deuda|adeud|deudor|saldo|cobr|pago|pagar|vencid|moros|contrato|crédito|mxn|\$\s*\d", re.IGNORECASE)
_HOSTILE = 'O\'Brien "Ñandú" #panic("x") $x^2$ *b* _i_ `r` <label> @ref \\ // /* https://a.b ${x} {{y}} ​ Ж'


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
    assert not [text for text in printed if _DEBT.search(text) or balances_in(text)]


def test_the_sheets_fixed_text_mentions_no_debt() -> None:
    source = (TEMPLATES / "sheet.typ").read_text()
    assert not _DEBT.search("\n".join(line for line in source.splitlines() if not line.startswith("//")))
    assert "pregunte a los vecinos por el lugar; nunca por la persona" in source
    assert _DEBT.search(TEXTS["es"]["informs"]), "the search must be able to find something"


async def test_the_letter_states_what_the_profile_asks_of_a_first_notice(scene: Scene, press: RecordingPress) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    await scene.receives(scene.portfolio_state(business_date=date(2026, 12, 1)))
    answer = await scene.get(f"/v1/visits/{visit}/letter.pdf")
    assert answer.status_code == 200, answer.text
    [(template, document)] = press.documents
    assert template == "letter"
    stated = {name: document[name] for name in document if name != "texts"}
    assert stated == {
        "paper": "us-letter",
        "language": "es",
        "salutation": f"Estimado(a) {contract.name}:",
        "folio": f"20261123-{visit[-8:].upper()}",
        "name": contract.name,
        "address": [
            "Avenida Insurgentes Sur 1234 Int. 5-B",
            "Col. Del Valle",
            "C.P. 03100 Benito Juárez, Ciudad de México",
        ],
        "sender": {
            "name": "Financiera Ñandú, S.A. de C.V.",
            "tax_id": "FNA010101AA1",
            "address": "Paseo de la Reforma 1, Juárez, 06600 Ciudad de México",
            "phones": "+52 55 5555 0100",
        },
        "creditor": "Financiera Ñandú, S.A. de C.V.",
        "creditor_details": [],
        "on_behalf": False,
        "visitor": "Óscar Peña",
        "contract_number": contract.number,
        "overdue_balance": "$4,321.09 M.N.",
        "total_balance": "$98,765.43 M.N.",
        "components": [],
        "calculated_on": "",
        "as_of": "1 de diciembre de 2026",
        "payment_instructions": "Transfiera a la CLABE 012345678901234567 de Banco Uno.",
        "complaints_unit": "UNE, +52 55 5555 0199, une@nandu.example",
    }
    assert document["texts"]["informs"].startswith("Le informamos que el contrato")
    assert f"referencia {contract.number}" in document["texts"]["reference"]


async def test_a_letter_of_an_agency_names_agency_and_creditor(scene: Scene, press: RecordingPress) -> None:
    placement = a_placement(uuid4())
    contract = await scene.known_contract(placement, name="Tortas Ñ, S.A.", debtor_kind="company")
    visit = await scene.ordered(contract, agency_id=placement.agency_id)
    await scene.knows_agency(placement.agency_id)
    assert (await scene.get(f"/v1/visits/{visit}/letter.pdf")).status_code == 200
    [(_, document)] = press.documents
    assert document["sender"]["name"] == "Gestiones del Centro, S.C."
    assert document["sender"]["phones"] == "+52 55 5555 0200, +52 55 5555 0201"
    assert document["creditor_details"] == ["FNA010101AA1", "Paseo de la Reforma 1, Juárez, 06600 Ciudad de México"]
    assert document["complaints_unit"] == "quejas@gestiones.example"
    assert document["salutation"] == "A quien corresponda en Tortas Ñ, S.A.:"
    assert document["on_behalf"] is True


async def test_a_letter_without_its_data_is_refused_and_names_them(scene: Scene, press: RecordingPress) -> None:
    placement = a_placement(uuid4())
    contract = await scene.known_contract(placement)
    visit = await scene.ordered(contract, agency_id=placement.agency_id)
    answer = await scene.get(f"/v1/visits/{visit}/letter.pdf")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:letter-incomplete")
    assert answer.json()["missing"] == ["agency.legal_name", "agency.address", "agency.phones"]
    await scene.knows_agency(placement.agency_id, phones=())
    answer = await scene.get(f"/v1/visits/{visit}/letter.pdf")
    assert answer.json()["missing"] == ["agency.phones"]
    await scene.knows_agency(placement.agency_id)
    await scene.receives(scene.portfolio_state(letterhead=None))
    answer = await scene.get(f"/v1/visits/{visit}/letter.pdf")
    assert answer.json()["missing"] == ["creditor.payment_instructions"]
    assert press.documents == []
    assert (await scene.get(f"/v1/visits/{visit}/sheet.pdf")).status_code == 200


@pytest.mark.parametrize(
    ("language", "kind", "salutation"),
    [
        ("es", "person", "Estimado(a) {name}:"),
        ("pt", "person", "Prezado(a) {name}:"),
        ("en", "person", "Dear {name}:"),
        ("es", "company", "A quien corresponda en {name}:"),
        ("pt", "company", "A {name}, aos cuidados do responsável:"),
        ("en", "company", "To whom it may concern at {name}:"),
    ],
)
async def test_a_letter_to_a_person_or_a_company_is_printed_in_each_language_on_one_page(
    scene: Scene, press: RecordingPress, language: str, kind: str, salutation: str
) -> None:
    contract = await scene.known_contract(debtor_kind=kind)
    visit = await scene.ordered(contract)
    answer = await scene.get(f"/v1/visits/{visit}/letter.pdf", language=language)
    assert answer.content.startswith(b"%PDF-")
    [(_, document)] = press.documents
    assert document["language"] == language
    assert document["salutation"] == salutation.format(name=contract.name)
    assert press.pages(document) == 1
    assert set(document["texts"]) == set(TEXTS["es"])


PARTS = Components(
    principal=Decimal("90000.00"),
    ordinary_interest=Decimal("8000.00"),
    default_interest=Decimal("700.43"),
    fees=Decimal("65.00"),
    tax=Decimal(0),
    other=Decimal(0),
    calculated_on=date(2026, 11, 20),
)


@pytest.mark.parametrize(("language", "kind"), [("es", "person"), ("pt", "company"), ("en", "person")])
async def test_a_letter_states_the_parts_of_the_balance_in_the_debtors_language_on_one_page(
    scene: Scene, press: RecordingPress, language: str, kind: str
) -> None:
    contract = await scene.known_contract(debtor_kind=kind, language=language, components=PARTS)
    visit = await scene.ordered(contract)
    assert (await scene.get(f"/v1/visits/{visit}/letter.pdf")).status_code == 200
    [(_, document)] = press.documents
    assert document["language"] == language
    texts = TEXTS[document["language"]]
    names = ["principal", "ordinary_interest", "default_interest", "fees"]
    assert [name for name, _ in document["components"]] == [texts[name] for name in names]
    assert [amount for _, amount in document["components"]] == [
        money_in_letter(getattr(PARTS, name), "MXN", "MX", document["language"]) for name in names
    ]
    assert "20" in document["calculated_on"]
    assert press.pages(document) == 1


async def test_after_a_payment_a_letter_states_the_parts_that_are_left(scene: Scene, press: RecordingPress) -> None:
    contract = await scene.known_contract(components=PARTS)
    left = PARTS.model_copy(update={"fees": Decimal(0), "default_interest": Decimal("600.43")})
    visit = await scene.ordered(contract)
    await scene.receives(contract.revised(components=left, total=Decimal("98600.43")))
    assert (await scene.get(f"/v1/visits/{visit}/letter.pdf")).status_code == 200
    [(_, document)] = press.documents
    assert [amount for _, amount in document["components"]][2:] == ["$600.43 M.N."]
    assert document["total_balance"] == "$98,600.43 M.N."


async def test_letters_speak_the_language_and_write_the_money_of_the_jurisdiction(
    scene: Scene, press: RecordingPress
) -> None:
    contract = await scene.known_contract()
    visit = await scene.ordered(contract)
    await scene.receives(contract.revised(jurisdiction="BR"))
    assert (await scene.get(f"/v1/visits/{visit}/letter.pdf")).status_code == 200
    [(_, document)] = press.documents
    assert document["texts"]["informs"].startswith("Informamos que")
    assert money_in_letter(Decimal("9300.00"), "BRL", "BR", "pt") == "R$ 9.300,00"
    assert money_in_letter(Decimal("9300.00"), "USD", "US", "en") == "$9,300.00"
    assert money_in_letter(Decimal("9300.00"), "MXN", "MX", "es") == "$9,300.00 M.N."


async def test_a_script_that_the_fonts_do_not_have_is_refused_by_name(scene: Scene) -> None:
    contract = await scene.known_contract(name="Ana 漢字")
    visit = await scene.ordered(contract)
    for document in ("letter", "sheet"):
        answer = await scene.get(f"/v1/visits/{visit}/{document}.pdf")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:recobro:problem:unprintable")
        assert (answer.json()["field"], "CJK" in answer.json()["detail"]) == ("name", True)
    assert [unprintable_script(text) for text in ("Łódź nº 1ª", "Ωμέγα", "Юлия", "מלך", "محمد")] == [
        *(None, None, None),
        *("HEBREW", "ARABIC"),
    ]


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
    assert letter["overdue_balance"] == "$123,456,789.01 M.N."
    assert "None" not in texts([sheet, letter])


async def test_markup_in_a_name_is_text_to_typst(scene: Scene, press: RecordingPress) -> None:
    visit = await scene.ordered(await scene.known_contract(name="Ana"))
    await scene.get(f"/v1/visits/{visit}/letter.pdf")
    [(_, document)] = press.documents
    compiler = typst.Compiler(
        TEMPLATES / "letter.typ",
        root=TEMPLATES,
        ignore_system_fonts=True,
        sys_inputs={"document": json.dumps({**document, "name": _HOSTILE})},
    )
    found = json.loads(compiler.query("strong", field="body"))
    assert {"func": "text", "text": _HOSTILE} in found
