"""Phone numbers that can be dialled, and tax ids that are invalid."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jurisdictions import dialable_phone, tax_id_mark, tax_id_problem


@pytest.mark.parametrize(
    "written",
    [
        "9995194875",
        "+52 9995194875",
        "+52 1 9995194875",
        "529995194875",
        "0449995194875",
        "0459995194875",
        "01 999 519 4875",
        "19995194875",
        "00529995194875",
        "(999) 519-4875",
        "999.519.48.75",
        "+52 (999)\u00a05194875",
    ],
)
def test_a_mexican_number_is_dialled_without_its_old_prefixes(written: str) -> None:
    assert dialable_phone(written, "MX") == "+529995194875"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "12345",
        "sin teléfono",
        "0000000000",
        "99951948750",
        "+1 415 555 2671",
        "+9995194875",
        "9995194875 ext 3",
        "٩٩٩٥١٩٤٨٧٥",
    ],
)
def test_a_text_that_is_no_mexican_number_is_not_dialled(written: str) -> None:
    assert dialable_phone(written, "MX") is None


@pytest.mark.parametrize(
    ("written", "code", "dialled"),
    [
        ("(212) 736-5000", "US", "+12127365000"),
        ("+1 212 736 5000", "US", "+12127365000"),
        ("(11) 98765-4321", "BR", "+5511987654321"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("020 7946 0958", "US", None),
    ],
)
def test_numbers_of_other_countries_are_dialled(written: str, code: str, dialled: str | None) -> None:
    assert dialable_phone(written, code) == dialled


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("5512345678.0", "MX"),
        ("+525512345678.00", "MX"),
        ("5512345678,0", "MX"),
        ("1198765432.0", "BR"),
        ("9001234567", "MX"),
        ("8001234567", "MX"),
        ("(900) 234-5678", "US"),
        ("(800) 234-5678", "US"),
        ("09061234567", "GB"),
        ("0845 123 4567", "GB"),
        ("0800 123 4567", "BR"),
        ("4003-1234", "BR"),
        ("911", "MX"),
        ("190", "BR"),
    ],
)
def test_premium_service_emergency_and_decimal_numbers_are_never_dialled(written: str, code: str) -> None:
    assert dialable_phone(written, code) is None


@given(st.text(alphabet="0123456789+-() .x\x00é٣", max_size=25))
def test_a_dialable_number_is_e164_and_normalising_it_again_changes_nothing(written: str) -> None:
    dialled = dialable_phone(written, "MX")
    if dialled is not None:
        assert re.fullmatch(r"\+52[0-9]{10}", dialled)
        assert dialable_phone(dialled, "MX") == dialled


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("GODE561231GR8", None),
        ("GODE561231GR9", "bad_check_digit"),
        ("GODE561331GR8", "bad_part"),
        ("GODE", "bad_length"),
        ("GODE561231GR8GR8", "bad_length"),
        ("1234567890123", "bad_format"),
        ("", "bad_length"),
    ],
)
def test_the_problem_of_a_wrong_rfc_is_named(value: str, problem: str | None) -> None:
    assert tax_id_problem("MX", value) == problem


def test_a_country_without_a_rule_accepts_any_tax_id() -> None:
    assert tax_id_problem("US", "anything") is None


@pytest.mark.parametrize(
    ("code", "value", "mark"),
    [
        ("MX", "GODE561231GR8", ("RFC", None)),
        ("MX", "GODE561231GR9", ("RFC", "bad_check_digit")),
        ("MX", "HEGG560427MVZRRL04", ("CURP", None)),
        ("MX", "HEGG560427MVZRRL05", ("CURP", "bad_check_digit")),
        ("MX", "XAXX010101000", (None, "generic")),
        ("MX", "123", (None, "bad_length")),
        ("BR", "111.444.777-35", ("CPF", None)),
        ("BR", "111.444.777-36", ("CPF", "bad_check_digit")),
        ("BR", "11.222.333/0001-81", ("CNPJ", None)),
        ("US", "91-1144442", ("EIN", None)),
        ("US", "07-1144442", ("EIN", "bad_part")),
        ("GB", "anything", (None, None)),
    ],
)
def test_a_tax_id_is_marked_with_what_it_is_and_what_is_wrong(code: str, value: str, mark: tuple[str, str]) -> None:
    assert tax_id_mark(code, value) == mark
