"""Mistakes in requests are told in words that a clerk understands, never in those of the library that found them."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from chassis import Count, Day, InputModel, Moment, ShortText, field_errors
from chassis.mistakes import TEXTS, UNCLEAR
from pydantic import Field, ValidationError
from pydantic_core import core_schema


class Channel(StrEnum):
    BANK = "bank"
    SPEI = "spei"
    CARD = "card"


class Payment(InputModel):
    channel: Channel = Channel.BANK
    mode: Literal["delta", "snapshot"] = "delta"
    reference: ShortText = "R-1"
    paid_on: Day = date(2026, 1, 1)
    at: Moment | None = None
    count: Count = 0
    sure: bool = False
    contract_id: UUID = UUID(int=1)
    parts: Annotated[list[Count], Field(min_length=1, max_length=1000)] = [1]  # noqa: RUF012 - a frozen model
    needed: str


@pytest.mark.parametrize(
    ("given", "pointer", "text"),
    [
        ({"needed": None}, "/needed", "must be a text in quotes"),
        ({}, "/needed", "is required"),
        ({"more": 1}, "/more", "is not a field of this request"),
        ({"channel": "cheque"}, "/channel", "must be one of bank, spei or card"),
        ({"mode": "amend"}, "/mode", "must be one of delta or snapshot"),
        ({"reference": " "}, "/reference", "must not be empty"),
        ({"reference": "x" * 201}, "/reference", "must have at most 200 characters"),
        ({"paid_on": "2026-02-31"}, "/paid_on", "must be a date such as 2026-01-31"),
        ({"paid_on": "31/01/2026"}, "/paid_on", "must be a date such as 2026-01-31"),
        ({"count": -1}, "/count", "must be 0 or more"),
        ({"count": "7"}, "/count", "must be a whole number such as 12, without quotes"),
        ({"sure": "yes"}, "/sure", "must be true or false, without quotes"),
        ({"contract_id": "C-1"}, "/contract_id", "must be an id such as 0190a6f2-5a3c-7c1e-9f1b-2f6f3f0c9a11"),
        ({"parts": []}, "/parts", "must not be empty"),
        ({"parts": [1] * 1001}, "/parts", "must have at most 1,000 entries"),
        ({"parts": 1}, "/parts", "must be a list in square brackets"),
    ],
)
def test_a_mistake_is_told_in_plain_words(given: dict[str, Any], pointer: str, text: str) -> None:
    body = given if pointer == "/needed" else {"needed": "x", **given}
    with pytest.raises(ValidationError) as refused:
        Payment.model_validate(body)
    [mistake] = field_errors(refused.value.errors())
    assert (mistake.pointer, mistake.detail) == (pointer, text)


def test_a_text_of_our_own_is_kept() -> None:
    ours = {
        "type": "contact",
        "loc": ("body", 0, "value"),
        "msg": "must be a phone",
        "input": "Ana",
        "ctx": {"kind": "x"},
    }
    [mistake] = field_errors([ours])
    assert (mistake.pointer, mistake.detail) == ("/0/value", "must be a phone")


def test_every_text_belongs_to_an_error_that_exists() -> None:
    assert set(TEXTS) <= set(core_schema.ErrorType.__args__)  # type: ignore[attr-defined]


def test_an_error_without_a_text_repeats_neither_the_library_nor_the_value() -> None:
    [mistake] = field_errors(
        [{"type": "url_parsing", "loc": ("body", "x"), "msg": "Input should be …", "input": "Ana"}]
    )
    assert mistake.detail == UNCLEAR
