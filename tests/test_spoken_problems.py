"""What the services refuse is said in Spanish and Portuguese too."""

import re
from collections.abc import Iterator
from importlib import import_module

import pytest
from chassis.languages import Language, Sentences
from chassis.mistakes import TEXTS
from chassis.problems import Problem
from recobro_platform import SERVICES

PACKAGES = ("chassis", *(service.package for service in SERVICES))


def problems(package: str) -> Iterator[type[Problem]]:
    """Yield the package's own problems."""
    waiting = [Problem]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.__module__.partition(".")[0] == package:
                yield kind


@pytest.mark.parametrize("package", PACKAGES)
def test_each_sentence_has_both_translations_with_its_values(package: str) -> None:
    translations = Sentences(package).translations
    assert len(translations) > 10
    for sentence, said in translations.items():
        assert set(said) == {Language.ES, Language.PT}
        values = {frozenset(re.findall(r"\{(\w+)\}", text)) for text in (sentence, *said.values())}
        assert len(values) == 1, sentence


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_detail_of_each_problem_of_a_service_is_translated(service: object) -> None:
    package = service.package  # type: ignore[attr-defined]
    import_module(f"{package}.api")
    known = [Sentences(package), Sentences("chassis")]
    details = {kind.detail for kind in problems(package) if kind.detail}
    assert sorted(detail for detail in details if not any(one.knows(detail) for one in known)) == []


def test_the_words_for_mistakes_are_translated() -> None:
    known = Sentences("chassis")
    filled = (re.sub(r"\{\w+\}", "5", text) for text in TEXTS.values())
    assert sorted(text for text in filled if not known.knows(text)) == []
