"""The profiles load, name the source of each rule, and hold the known rules of each country."""

import pytest
from jurisdictions import Confidence, Rule, UnknownJurisdiction, codes, profile, profile_of_region
from jurisdictions.profiles import Profile
from pydantic import ValidationError

NO_RULES = ("code", "name", "postal_digits", "further", "homonyms", "states")
RULES = [(code, name) for code in codes() for name in Profile.model_fields if name not in NO_RULES]
REGIONS = [("US", "MA"), ("GB", "SCT"), ("GB", "NIR")]


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


@pytest.mark.parametrize("code", codes())
def test_every_rule_in_words_has_a_source_and_a_confidence(code: str) -> None:
    further = profile(code).further
    assert further["zone_conflict"].value == ("intersection",)
    assert all(rule.value and rule.source and rule.confidence for rule in further.values())


@pytest.mark.parametrize(("code", "region"), REGIONS)
def test_a_region_with_rules_of_its_own_keeps_its_country_s_other_rules(code: str, region: str) -> None:
    country, regional = profile(code), profile_of_region(code, region)
    assert (regional.code, regional.phone, regional.states) == (f"{code}-{region}", country.phone, country.states)
    assert profile_of_region(code, "elsewhere") is profile_of_region(code, None) is country


def test_massachusetts_allows_two_contacts_in_seven_days() -> None:
    rule = profile_of_region("US", "MA").call_frequency
    assert rule.value
    assert (rule.value.max_calls_per_7_days, rule.confidence) == (2, Confidence.SECONDARY)


def test_breathing_space_is_a_law_of_england_and_wales_only() -> None:
    assert "England and Wales only" in (profile("GB").moratorium.value or ())
    assert profile_of_region("GB", "ENG").time_barred.value == ("6 years",)
    scotland = profile_of_region("GB", "SCT")
    assert (scotland.moratorium.value, scotland.time_barred.value) == (None, ("5 years", "the debt is extinguished"))


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


@pytest.mark.parametrize(("code", "states"), [("US", 56), ("BR", 27), ("GB", 4)])
def test_every_state_of_a_country_is_there(code: str, states: int) -> None:
    """The 50 states of the US, the District of Columbia and five territories."""
    assert len(profile(code).states) == states
    assert len({state.code for state in profile(code).states.values()}) == states
