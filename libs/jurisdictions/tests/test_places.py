"""Time zones by place, and postal codes by state."""

from zoneinfo import ZoneInfo

import pytest
from jurisdictions import codes, default_timezone, postal_code_issue, profile, state_named, timezone_of_place


@pytest.mark.parametrize(
    ("state", "city", "zone"),
    [
        ("Quintana Roo", "Benito Juárez", "America/Cancun"),
        ("Baja California", "Tijuana", "America/Tijuana"),
        ("Baja California Sur", "La Paz", "America/Mazatlan"),
        ("Sonora", "Hermosillo", "America/Hermosillo"),
        ("Sinaloa", "Culiacán", "America/Mazatlan"),
        ("Nayarit", "Tepic", "America/Mazatlan"),
        ("Nayarit", "Bahía de Banderas", "America/Bahia_Banderas"),
        ("Chihuahua", "Juárez", "America/Ciudad_Juarez"),
        ("Chihuahua", "Ojinaga", "America/Ojinaga"),
        ("Chihuahua", "Chihuahua", "America/Chihuahua"),
        ("Tamaulipas", "Nuevo Laredo", "America/Matamoros"),
        ("Tamaulipas", "Tampico", "America/Mexico_City"),
        ("Coahuila", "Piedras Negras", "America/Matamoros"),
        ("Nuevo León", "Monterrey", "America/Mexico_City"),
        # This Juárez is not the city on the border.
        ("Nuevo León", "Juárez", "America/Mexico_City"),
        ("Ciudad de México", "Cuauhtémoc", "America/Mexico_City"),
        ("Atlantis", "Juárez", "America/Mexico_City"),
        (None, None, "America/Mexico_City"),
        ("Chihuahua", None, "America/Chihuahua"),
    ],
)
def test_the_zone_of_a_mexican_place(state: str | None, city: str | None, zone: str) -> None:
    assert timezone_of_place("MX", state, city) == zone


@pytest.mark.parametrize("written", ["quintana roo", " QUINTANA  ROO ", "Q. Roo", "Q.ROO"])
def test_a_state_is_known_however_it_is_written(written: str) -> None:
    assert state_named("MX", written) == "Quintana Roo"
    assert timezone_of_place("MX", written, "cancun") == "America/Cancun"


def test_accents_of_a_place_do_not_matter() -> None:
    assert timezone_of_place("MX", "CHIHUAHUA", "juarez") == "America/Ciudad_Juarez"


def test_every_zone_exists() -> None:
    zones = {default_timezone(code) for code in codes()}
    for code in codes():
        for state in profile(code).states.values():
            zones |= {*state.municipalities, state.zone or default_timezone(code)}
    assert len([ZoneInfo(zone) for zone in zones]) == len(zones)


def test_a_place_without_a_known_zone_has_none() -> None:
    assert timezone_of_place("US", "Texas", "El Paso") is None
    assert timezone_of_place("BR", "Atlantis", None) is None
    assert timezone_of_place("BR", "AM", "Manaus") == "America/Manaus"
    assert timezone_of_place("GB", None, "London") == "Europe/London"


@pytest.mark.parametrize(
    ("postal_code", "state", "issue"),
    [
        ("32654", "Chihuahua", None),
        ("06919", "CDMX", None),
        ("32654", "Atlantis", None),
        ("32654", None, None),
        (None, "Chihuahua", "no_postal_code"),
        ("", "Chihuahua", "no_postal_code"),
        ("1234", "Chihuahua", "bad_postal_code"),
        ("ABCDE", "Chihuahua", "bad_postal_code"),
        ("٣٢٦٥٤", "Chihuahua", "bad_postal_code"),
        ("17123", None, "bad_postal_code"),
        ("97000", "Chihuahua", "postal_code_of_another_state"),
    ],
)
def test_the_problem_of_a_postal_code_is_named(postal_code: str | None, state: str | None, issue: str | None) -> None:
    assert postal_code_issue("MX", postal_code, state) == issue


def test_other_countries_have_no_rule_for_postal_codes() -> None:
    assert postal_code_issue("GB", None, None) is None
