"""Where a debtor may be: by state, postal code, municipality and area code; and postal codes by state."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from jurisdictions import (
    Place,
    codes,
    default_timezone,
    places_of_address,
    places_of_country,
    places_of_phone,
    postal_code_issue,
    profile,
    state_named,
)

MEXICO_CITY, TIJUANA, CANCUN, HERMOSILLO = "Mexico_City", "Tijuana", "Cancun", "Hermosillo"
CHIHUAHUA = ["Chihuahua", "Ciudad_Juarez", "Ojinaga"]


def zones(places: Sequence[Place]) -> list[str]:
    """The zones without their America/."""
    return [place.timezone.removeprefix("America/") for place in places]


@pytest.mark.parametrize(
    ("state", "postal_code", "city", "plausible"),
    [
        ("Quintana Roo", None, "Benito Juárez", [CANCUN]),
        ("Baja California", None, "Tijuana", [TIJUANA]),
        ("Baja California Sur", None, "La Paz", ["Mazatlan"]),
        ("Sonora", None, "Hermosillo", [HERMOSILLO]),
        ("Sinaloa", None, "Culiacán", ["Mazatlan"]),
        ("Nayarit", None, "Tepic", ["Mazatlan"]),
        ("Nayarit", None, "Bahía de Banderas", ["Bahia_Banderas"]),
        ("Chihuahua", None, "Juárez", ["Ciudad_Juarez"]),
        ("Chihuahua", None, "Ojinaga", ["Ojinaga"]),
        ("Chihuahua", None, "Chihuahua", ["Chihuahua"]),
        ("Tamaulipas", None, "Nuevo Laredo", ["Matamoros"]),
        ("Tamaulipas", None, "Tampico", [MEXICO_CITY]),
        ("Coahuila", None, "Piedras Negras", ["Matamoros"]),
        ("Coahuila", None, "Matamoros", [MEXICO_CITY]),
        ("Nuevo León", None, "Monterrey", [MEXICO_CITY]),
        # This Juárez is not the city on the border.
        ("Nuevo León", None, "Juárez", [MEXICO_CITY]),
        ("Ciudad de México", None, "Cuauhtémoc", [MEXICO_CITY]),
        # The postal code, or the municipality, where the state is empty.
        (None, "22000", "Tijuana", [TIJUANA]),
        (None, "22000", None, [TIJUANA]),
        (None, "83000", "Hermosillo", [HERMOSILLO]),
        (None, None, "Tijuana", [TIJUANA]),
        (None, None, "Tijuana, B.C.", [TIJUANA]),
        (None, None, "Cancún", [CANCUN]),
        # A spreadsheet has cut the leading zero off, or made the code an amount.
        (None, "6600", None, [MEXICO_CITY]),
        (None, "22000.0", None, [TIJUANA]),
        (None, "C.P. 77500", None, [CANCUN]),
        # A municipality's name with what stands before it.
        ("Sonora", None, "Heroica Nogales", [HERMOSILLO]),
        ("Sonora", None, "H. Nogales", [HERMOSILLO]),
        ("Tamaulipas", None, "H. Matamoros", ["Matamoros"]),
        ("Tamaulipas", None, "Heroica Ciudad de Matamoros", ["Matamoros"]),
        ("Tamaulipas", None, "Nvo. Laredo", ["Matamoros"]),
        ("Chihuahua", None, "Cd. Juarez", ["Ciudad_Juarez"]),
        ("Chihuahua", None, "Municipio de Ojinaga", ["Ojinaga"]),
        ("Coahuila", None, "Cd Acuña", ["Matamoros"]),
        ("Chihuahua", None, "PRÁXEDIS G GUERRERO", ["Ciudad_Juarez"]),
        # Without a municipality, or with one that nobody knows, any zone of the state is plausible.
        ("Chihuahua", None, None, CHIHUAHUA),
        ("Chihuahua", "32000", "Cd Juares", CHIHUAHUA),
        ("Baja California", None, "Tihuana", [TIJUANA]),
        # Parts that contradict each other are all plausible.
        ("Ciudad de México", "22000", "Tijuana", [MEXICO_CITY, TIJUANA]),
        ("Ciudad de México", None, "Tijuana", [MEXICO_CITY, TIJUANA]),
        # A name that many states have tells nothing against a known state, and little alone.
        ("Puebla", None, "Guadalupe", [MEXICO_CITY]),
        (None, None, "H. Nogales", [HERMOSILLO, MEXICO_CITY]),
        ("Atlantis", None, "Mordor", []),
        (None, None, None, []),
    ],
)
def test_the_plausible_zones_of_a_mexican_address(
    state: str | None, postal_code: str | None, city: str | None, plausible: list[str]
) -> None:
    assert zones(places_of_address("MX", state, postal_code, city)) == plausible


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("quintana roo", "Quintana Roo"),
        (" QUINTANA  ROO ", "Quintana Roo"),
        ("Q. Roo", "Quintana Roo"),
        ("Q.ROO", "Quintana Roo"),
        ("QR", "Quintana Roo"),
        ("B. Cal.", "Baja California"),
        ("BC", "Baja California"),
        ("B.C.", "Baja California"),
        ("BCN", "Baja California"),
        ("Baja California Norte", "Baja California"),
        ("Baja Calif.", "Baja California"),
        ("Estado de Baja California", "Baja California"),
        ("Baja California, México", "Baja California"),
        ("B.C.S.", "Baja California Sur"),
        ("B. Cal. Sur", "Baja California Sur"),
        ("Chih.", "Chihuahua"),
        ("Son", "Sonora"),
        ("Edo. de México", "Estado de México"),
        ("México", "Estado de México"),
        ("México, D.F.", "Ciudad de México"),
        ("Nvo. León", "Nuevo León"),
        ("Tamps.", "Tamaulipas"),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_a_state_is_known_however_it_is_written(written: str, name: str | None) -> None:
    assert state_named("MX", written) == name


@pytest.mark.parametrize("code", codes())
def test_a_spelling_names_one_state(code: str) -> None:
    """Spellings are compared in lower case without dots, so no two states may share one."""
    owners: dict[str, set[str]] = {}
    for name, state in profile(code).states.items():
        for written in (name, state.code, *state.also):
            owners.setdefault("".join(filter(str.isalnum, written.casefold())), set()).add(name)
    assert [names for names in owners.values() if len(names) > 1] == []


@pytest.mark.parametrize("code", codes())
def test_every_zone_exists(code: str) -> None:
    assert all(ZoneInfo(place.timezone) for place in places_of_country(code))
    assert ZoneInfo(default_timezone(code))


@pytest.mark.parametrize(
    ("state", "postal_code", "plausible"),
    [
        ("NY", None, ["New_York"]),
        ("Calif.", None, ["Los_Angeles"]),
        (None, "60601", ["Chicago"]),
        (None, "02134-1234", ["New_York"]),
        (None, "2134", ["New_York"]),
        (None, "501", ["New_York"]),
        (None, "00901", ["Puerto_Rico"]),
        (None, "96910", ["Pacific/Guam"]),
        (None, "96799", ["Pacific/Pago_Pago"]),
        (None, "96701", ["Pacific/Honolulu"]),
        # States in several zones.
        ("TX", "79901", ["Chicago", "Denver"]),
        ("Fla.", "33101", ["New_York", "Chicago"]),
        ("AZ", None, ["Phoenix", "Denver"]),
        (None, "99999", ["Anchorage", "Adak"]),
        (None, "34099", []),
        ("Ontario", "M5V 3L9", []),
    ],
)
def test_the_plausible_zones_of_an_address_in_the_us(
    state: str | None, postal_code: str | None, plausible: list[str]
) -> None:
    assert zones(places_of_address("US", state, postal_code)) == plausible


@pytest.mark.parametrize(
    ("state", "postal_code", "city", "plausible"),
    [
        ("SP", None, None, [("Sao_Paulo", "SP")]),
        (None, "01310-100", None, [("Sao_Paulo", "SP")]),
        (None, "1310100", None, [("Sao_Paulo", "SP")]),
        (None, "72800-000", None, [("Sao_Paulo", "GO")]),
        (None, "69900-000", None, [("Rio_Branco", "AC")]),
        ("AM", None, "Manaus", [("Manaus", "AM")]),
        ("AM", None, "TABATINGA", [("Eirunepe", "AM")]),
        ("AM", None, "Manuas", [("Manaus", "AM"), ("Eirunepe", "AM")]),
        ("Pernambuco", None, "Recife", [("Recife", "PE")]),
        ("Pernambuco", None, "Fernando de Noronha", [("Noronha", "PE")]),
        ("RJ", "01310-100", None, [("Sao_Paulo", "RJ"), ("Sao_Paulo", "SP")]),
        ("Atlantis", None, None, []),
    ],
)
def test_the_plausible_places_of_a_brazilian_address(
    state: str | None, postal_code: str | None, city: str | None, plausible: list[tuple[str, str]]
) -> None:
    found = places_of_address("BR", state, postal_code, city)
    assert list(zip(zones(found), (place.region for place in found), strict=True)) == plausible


@pytest.mark.parametrize(
    ("code", "number", "plausible"),
    [
        ("MX", "+526641234567", [TIJUANA]),
        ("MX", "+526631234567", [TIJUANA]),
        ("MX", "+525512345678", [MEXICO_CITY]),
        ("MX", "+526621234567", [HERMOSILLO]),
        ("MX", "+526531234567", [TIJUANA, HERMOSILLO]),
        ("MX", "+529981234567", [CANCUN]),
        # The library's own zone of this area has been wrong since October 2022.
        ("MX", "+526141234567", ["Chihuahua"]),
        ("MX", "+526561234567", ["Ciudad_Juarez"]),
        ("MX", "+528671234567", ["Matamoros", "Matamoros"]),
        ("MX", "+528731234567", [MEXICO_CITY, "Matamoros"]),
        ("US", "+12127365000", ["New_York"]),
        ("US", "+18501234567", ["New_York", "Chicago"]),
        ("US", "+14162345678", ["Toronto"]),
        ("US", "+18002345678", []),
        ("BR", "+5511987654321", ["Sao_Paulo"]),
        ("BR", "+556821234567", ["Rio_Branco"]),
        ("BR", "+559231234567", ["Manaus"]),
        ("BR", "+559731234567", ["Manaus", "Eirunepe"]),
        ("BR", "+558131234567", ["Recife"]),
        ("GB", "+442079460958", ["Europe/London"]),
        ("MX", "+12127365000", ["New_York"]),
        ("MX", "sin teléfono", []),
    ],
)
def test_the_plausible_zones_of_a_phone(code: str, number: str, plausible: list[str]) -> None:
    assert zones(places_of_phone(code, number)) == plausible


def test_every_area_code_of_the_us_tells_a_state() -> None:
    """The area codes were taken from the library; one that it adds belongs here too."""
    areas = [f"+1{area}2345678" for area in range(200, 1000)]
    own = [number for number in areas if phonenumbers.region_code_for_number(phonenumbers.parse(number)) == "US"]
    geographic = [number for number in own if number[2:5] not in _NOT_GEOGRAPHIC]
    assert len(geographic) > 350
    assert [number for number in geographic if not places_of_phone("US", number)] == []


_SERVICES = ("500", "700", "710", "800", "833", "844", "855", "866", "877", "888", "900")
_PERSONAL = ("521", "522", "523", "524", "525", "526", "527", "528", "529", "532", "533", "544", "566", "577", "588")
_NOT_GEOGRAPHIC = (*_SERVICES, *_PERSONAL)


def test_every_ddd_of_brazil_tells_a_state() -> None:
    numbers = [f"+55{ddd}32345678" for ddd in range(11, 100)]
    # 30 is no area: numbers that begin with 300 are services.
    known = [n for n in numbers if phonenumbers.is_valid_number(phonenumbers.parse(n)) and not n.startswith("+5530")]
    assert len(known) == 67
    assert [number for number in known if not places_of_phone("BR", number)] == []


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
