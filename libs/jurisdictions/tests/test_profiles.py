"""The profiles load, name the source of each rule, and hold the known rules of each country."""

import pytest
from jurisdictions import Confidence, Rule, UnknownJurisdiction, codes, profile
from jurisdictions.profiles import Profile
from pydantic import ValidationError

RULES = [(code, name) for code in codes() for name in Profile.model_fields if name not in ("code", "name", "states")]


def test_there_are_four_countries() -> None:
    assert codes() == ("BR", "GB", "MX", "US")


def test_an_unknown_code_is_a_key_error_that_lists_the_known_codes() -> None:
    with pytest.raises(UnknownJurisdiction, match="no jurisdiction 'ZZ'; there are BR, GB, MX, US"):
        profile("ZZ")
    assert issubclass(UnknownJurisdiction, KeyError)


@pytest.mark.parametrize(("code", "name"), RULES)
def test_every_value_has_a_source_and_a_confidence(code: str, name: str) -> None:
    rule = getattr(profile(code), name)
    assert isinstance(rule, Rule)
    if rule.value is not None:
        assert rule.source
        assert isinstance(rule.confidence, Confidence)


def test_a_value_without_a_source_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs a source and a confidence"):
        Rule[int](value=7)


def test_a_rule_that_does_not_exist_has_no_value() -> None:
    with pytest.raises(ValidationError):
        Rule[int](value=7, exists=False, source="somewhere", confidence=Confidence.STATUTE)


def test_an_unknown_rule_differs_from_no_such_rule() -> None:
    mexico = profile("MX")
    assert (mexico.call_frequency.value, mexico.call_frequency.exists) == (None, True)
    assert (mexico.opt_out.value, mexico.opt_out.exists) == (None, False)


def test_a_profile_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        profile("MX").name = "other"  # type: ignore[misc]


def test_every_mexican_postal_prefix_belongs_to_one_state() -> None:
    prefixes = [prefix for state in profile("MX").states.values() for prefix in state.postal_prefixes]
    assert len(profile("MX").states) == 32
    assert len(prefixes) == len(set(prefixes))
    # The prefixes 17, 18 and 19 were never assigned.
    assert set(prefixes) == {f"{n:02d}" for n in range(100)} - {"17", "18", "19"}
