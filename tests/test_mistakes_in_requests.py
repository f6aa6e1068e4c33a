"""Whatever a service refuses in the body of a request is told in our own words."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from chassis import InputModel, field_errors
from chassis.mistakes import UNCLEAR
from pydantic import ValidationError
from recobro_platform import SERVICES

JUNK: tuple[Any, ...] = (
    None,
    "",
    "x",
    "x" * 5001,
    "1e5",
    "[",
    -(2**70),
    2**70,
    1.5,
    True,
    [],
    ["x"],
    [None] * 1001,
    {},
)
_OF_THE_LIBRARY = ("Input should", "should have", "Field required", "Extra inputs", "not permitted", "validation")


def bodies() -> Iterator[type[InputModel]]:
    for service in SERVICES:
        import_module(f"{service.package}.api")
    waiting = [InputModel]
    while waiting:
        for model in waiting.pop().__subclasses__():
            waiting.append(model)
            if model.__module__.partition(".")[0] in {service.package for service in SERVICES}:
                yield model


def refused_details(model: type[InputModel], body: dict[str, Any]) -> list[str]:
    try:
        model.model_validate(body)
    except ValidationError as refused:
        return [mistake.detail for mistake in field_errors(refused.errors())]
    return []


@pytest.mark.parametrize("model", list(bodies()), ids=lambda model: f"{model.__module__}.{model.__name__}")
def test_no_field_is_refused_in_the_words_of_the_library(model: type[InputModel]) -> None:
    for name in (*model.model_fields, "unknown"):
        for junk in JUNK:
            for detail in refused_details(model, {name: junk}):
                assert detail != UNCLEAR, (name, junk)
                assert not any(words in detail for words in _OF_THE_LIBRARY), (name, junk, detail)
