"""Letters follow the custom of the jurisdiction, and fit their boxes."""

from decimal import Decimal

from documents import wording


def test_long_words_get_break_points() -> None:
    assert wording.breakable("W" * 40) == "W" * 16 + "\u200b" + "W" * 16 + "\u200b" + "W" * 8
    assert wording.breakable("una palabra  corta ") == "una palabra  corta "


def test_money_has_the_separators_of_its_jurisdiction() -> None:
    assert wording.money(Decimal("1234567.50"), "MXN", "MX") == "1,234,567.50 MXN"
    assert wording.money(Decimal("1234567.50"), "EUR", "ES") == "1.234.567,50 EUR"
    assert (wording.paper("MX"), wording.paper("ES")) == ("us-letter", "a4")


def test_the_tax_id_of_a_company_has_the_name_of_its_country() -> None:
    assert (wording.company_tax_id("BR"), wording.company_tax_id("MX")) == ("CNPJ", None)


def test_what_a_creditor_wrote_ends_as_a_sentence_once() -> None:
    assert wording.sentence("CLABE 012345678901234567 ") == "CLABE 012345678901234567."
    assert [wording.sentence(text) for text in ("Pague aquí.", "¿Dudas?", "  ")] == ["Pague aquí.", "¿Dudas?", ""]
