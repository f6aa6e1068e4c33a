"""When an entry may be called: in the hours that are allowed in every place where its debtor may be."""

import json
import uuid
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from dialing_scene import DAY, Phone, Scene
from recobro_events.contracts.portfolio import CreditorKind

NEXT = DAY + timedelta(days=1)
TIJUANA, MEXICO_CITY = "America/Tijuana", "America/Mexico_City"


async def the_entry(client: httpx.AsyncClient, list_id: uuid.UUID) -> dict[str, Any]:
    [line] = (await client.get(f"/v1/lists/{list_id}/entries")).text.splitlines()
    entry: dict[str, Any] = json.loads(line)
    return entry


async def entry_of(scene: Scene, client: httpx.AsyncClient, number: str, **place: str | None) -> dict[str, Any]:
    """Return the entry of a contract with this phone, in a financial portfolio, on a Monday."""
    await scene.contracts(1, phones=[Phone(number)], **place)
    return await the_entry(client, await scene.built())


@pytest.mark.parametrize(
    ("number", "place", "opens", "closes", "zones"),
    [
        # No state: postal code and area code tell it.
        ("+526641234567", {"postal_code": "22000", "city": "Tijuana"}, 15, 6, [TIJUANA]),
        ("+526621234567", {"postal_code": "83000", "city": "Hermosillo"}, 14, 5, ["America/Hermosillo"]),
        ("+526641234567", {"region": "B. Cal."}, 15, 6, [TIJUANA]),
        ("+526641234567", {}, 15, 6, [TIJUANA]),
        # A phone of another place than the address.
        ("+525512345678", {"region": "BC", "city": "Tijuana"}, 15, 4, [TIJUANA, MEXICO_CITY]),
        ("+526641234567", {"region": "CDMX"}, 15, 4, [MEXICO_CITY, TIJUANA]),
        ("+526641234567", {"region": "Q. Roo"}, 15, 3, ["America/Cancun", TIJUANA]),
        ("+526311234567", {"region": "Son.", "city": "Heroica Nogales"}, 14, 5, ["America/Hermosillo"]),
        ("+526561234567", {"region": "Chih.", "city": "Cd. Juárez"}, 14, 5, ["America/Ciudad_Juarez"]),
    ],
)
async def test_an_entry_may_be_called_when_every_plausible_place_allows_it(
    scene: Scene,
    client: httpx.AsyncClient,
    number: str,
    place: dict[str, str],
    opens: int,
    closes: int,
    zones: list[str],
) -> None:
    """Hours in UTC; the end lies on the next day. The zone of the entry is the address's, else the phone's."""
    entry = await entry_of(scene, client, number, **place)
    assert (entry["callable_from"], entry["callable_until"]) == (f"{DAY}T{opens}:00:00Z", f"{NEXT}T{closes:02}:00:00Z")
    assert (entry["timezone"], entry["timezones"]) == (zones[0], zones)


async def test_the_phones_of_an_entry_count_together(scene: Scene, client: httpx.AsyncClient) -> None:
    """A commercial creditor has no hours on a Sunday, wherever the debtor is."""
    await scene.contracts(1, phones=[Phone("+525512345601"), Phone("+526641234567")])
    entry = await the_entry(client, await scene.built())
    assert (entry["callable_from"], entry["callable_until"]) == (f"{DAY}T15:00:00Z", f"{NEXT}T04:00:00Z")
    assert entry["timezones"] == [MEXICO_CITY, TIJUANA]

    sunday = DAY + timedelta(days=6)
    await scene.portfolio(business_date=sunday, creditor_kind=CreditorKind.COMMERCIAL)
    entry = await the_entry(client, await scene.built(sunday))
    assert (entry["callable_from"], entry["callable_until"]) == (None, None)


@pytest.mark.parametrize(
    ("region", "number", "opens", "closes"),
    [
        ("Rio de Janeiro", "+552132345678", "12:00", "22:00"),
        ("SP", "+5511987654321", "11:00", "23:00"),
        ("SP", "+552132345678", "12:00", "22:00"),
        ("BA", "+557132345678", "11:00", "23:00"),
        ("CE", "+558532345678", "11:00", "21:00"),
        ("AC", "+556832345678", "13:00", "01:00"),
    ],
)
async def test_the_hours_of_a_state_s_law_hold_in_each_plausible_state(
    scene: Scene, client: httpx.AsyncClient, region: str, number: str, opens: str, closes: str
) -> None:
    entry = await entry_of(scene, client, number, jurisdiction="BR", region=region)
    ends_on = NEXT if closes < opens else DAY
    assert (entry["callable_from"], entry["callable_until"]) == (f"{DAY}T{opens}:00Z", f"{ends_on}T{closes}:00Z")


async def test_a_state_s_holiday_bars_the_day_for_a_phone_of_that_state(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    holiday_of_sao_paulo = date(2027, 7, 9)
    await scene.portfolio(business_date=holiday_of_sao_paulo)
    await scene.contracts(1, jurisdiction="BR", region="PR", phones=[Phone("+5511987654321")])
    await scene.contracts(1, jurisdiction="BR", region="PR", phones=[Phone("+554132345678")])
    list_id = await scene.built(holiday_of_sao_paulo)
    lines = (await client.get(f"/v1/lists/{list_id}/entries")).text.splitlines()
    assert [json.loads(line)["callable_from"] for line in lines] == [None, f"{holiday_of_sao_paulo}T11:00:00Z"]


@pytest.mark.parametrize(
    ("number", "place", "opens", "closes"),
    [
        ("+12127365000", {"region": "NY"}, "13:00", "02:00"),
        ("+12127365000", {"postal_code": "90001"}, "16:00", "02:00"),
        ("+13105551234", {}, "16:00", "05:00"),
        ("+19155551234", {"postal_code": "79901"}, "15:00", "03:00"),
    ],
)
async def test_debtors_of_the_us_are_called_by_zip_and_area_code(
    scene: Scene, client: httpx.AsyncClient, number: str, place: dict[str, str], opens: str, closes: str
) -> None:
    entry = await entry_of(scene, client, number, jurisdiction="US", **place)
    assert (entry["callable_from"], entry["callable_until"]) == (f"{DAY}T{opens}:00Z", f"{NEXT}T{closes}:00Z")


async def test_places_without_a_common_hour_leave_none(scene: Scene, client: httpx.AsyncClient) -> None:
    entry = await entry_of(scene, client, "+16717361234", jurisdiction="US", region="Hawaii")
    assert (entry["callable_from"], entry["callable_until"]) == (None, None)


async def test_where_nothing_tells_a_place_the_whole_country_must_allow_the_hour(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """A toll-free number that an older version still took for dialable has no area."""
    entry = await entry_of(scene, client, "+18007361234", jurisdiction="US")
    assert (entry["callable_from"], entry["callable_until"]) == (f"{DAY}T18:00:00Z", f"{NEXT}T01:00:00Z")
    assert {"America/New_York", "Pacific/Honolulu"} <= set(entry["timezones"])


async def test_a_contract_whose_places_were_never_kept_is_called_in_the_hours_of_its_country(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    """It was published before this version, so only its state is known: of Sonora one zone, of nothing all zones."""
    await scene.contracts(1, region="Sonora", phones=[Phone("+526621234567")])
    await scene.contracts(1, phones=[Phone("+525512345678")])
    await scene.execute("UPDATE contract SET places = NULL")
    list_id = await scene.built()
    lines = (await client.get(f"/v1/lists/{list_id}/entries")).text.splitlines()
    assert [json.loads(line)["callable_from"] for line in lines] == [f"{DAY}T14:00:00Z", f"{DAY}T15:00:00Z"]


async def test_no_jurisdiction_no_hours(scene: Scene, client: httpx.AsyncClient) -> None:
    entry = await entry_of(scene, client, "+525512345678", jurisdiction="ZZ")
    assert (entry["callable_from"], entry["timezone"]) == (None, MEXICO_CITY)
