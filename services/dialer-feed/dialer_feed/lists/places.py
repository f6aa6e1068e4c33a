"""Where a debtor may be: the places of the contract's addresses, and those of the area codes of phones."""

from collections.abc import Iterable

from jurisdictions import Place, places_of_address, places_of_country, places_of_phone
from recobro_events import Row

from dialer_feed.projection.contracts import read_places


def plausible_places(contract: Row, numbers: Iterable[str]) -> tuple[Place, ...]:
    """Return the plausible places, those of the addresses first; none where nothing is known.

    Raises ``UnknownJurisdiction``.
    """
    code = contract["jurisdiction"]
    if contract["places"] is None:
        # The contract was last published before places were kept: its state is known, but no place in it.
        address = places_of_address(code, contract["region"]) or places_of_country(code)
    else:
        address = read_places(contract["places"])
    phones = (places_of_phone(code, number) for number in numbers)
    return tuple(dict.fromkeys((*address, *(place for places in phones for place in places))))
