"""The bounded values that requests share: what each accepts, and how it refuses the rest."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from chassis import Distinct, Email, InputModel, Percent, deliverable_email, resembles_email
from pydantic import Field, TypeAdapter, ValidationError


class Terms(InputModel):
    email: Email | None = None
    percent: Percent = Decimal(0)
    kinds: Distinct[Annotated[tuple[str, ...], Field(min_length=1)]] = ("a",)


@pytest.mark.parametrize(
    ("text", "resembles", "is_one", "deliverable"),
    [
        ("Ana@Example.com", True, True, "ana@example.com"),
        ("josé@ejemplo.mx", True, True, "josé@ejemplo.mx"),
        ("ana@example..com", True, True, None),
        ("a" * 65 + "@example.com", True, True, None),
        ("ana@localhost", True, False, None),
        ("ana", False, False, None),
        ("ana@", False, False, None),
        ("a na@example.com", False, False, None),
        ("ana@ana@example.com", False, False, None),
    ],
)
def test_each_degree_of_an_email_accepts_less(
    text: str, resembles: bool, is_one: bool, deliverable: str | None
) -> None:
    assert resembles_email(text) is resembles
    assert deliverable_email(text) == deliverable
    if is_one:
        assert Terms(email=text).email == text
    else:
        with pytest.raises(ValidationError, match="must be an e-mail address"):
            Terms(email=text)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("12.50", "12.5"), ("100.000", 100), (Decimal("7.125"), "7.125")]
)
def test_a_percent_is_a_plain_decimal(text: Any, value: Any) -> None:
    assert Terms(percent=text).percent == Decimal(value)


@pytest.mark.parametrize(
    "text", ["1e1", "+1", " 1", "1_0", ".5", "5.", "1.2345", "100.001", "-1", "١", "", 12, 12.5, None]
)
def test_other_notations_of_a_percent_are_refused(text: Any) -> None:
    with pytest.raises(ValidationError):
        Terms(percent=text)


def test_a_tuple_with_duplicates_is_refused() -> None:
    assert Terms(kinds=("b", "a")).kinds == ("b", "a")
    with pytest.raises(ValidationError, match="must not have duplicates"):
        Terms(kinds=("a", "b", "a"))
    with pytest.raises(ValidationError, match="at least 1"):
        Terms(kinds=())
    described = TypeAdapter(Terms).json_schema()["properties"]
    assert described["kinds"]["minItems"] == 1
