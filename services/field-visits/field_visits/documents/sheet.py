"""The visit sheet. Anybody may read it over the visitor's shoulder, so it holds no balance and no reason."""

from documents.press import Document
from documents.wording import breakable, country_name, long_date, paper
from recobro_events import Row

_KINDS = {"personal": "Particular", "fiscal": "Fiscal", "commercial": "Comercial", "legal": "Legal"}
_PARTS = {
    "street": "Calle",
    "exterior": "Número exterior",
    "interior": "Número interior",
    "neighbourhood": "Colonia",
    "postal_code": "Código postal",
    "city": "Ciudad o municipio",
    "address_state": "Estado",
    "country": "País",
}


def sheet_of(visit: Row) -> Document:
    """Return the sheet's contents: name and address. It holds no balance and no reason for the visit."""
    address = dict(visit) | {"country": country_name(visit["country"] or "")}
    parts = [[label, breakable(address[part])] for part, label in _PARTS.items() if address[part]]
    return {
        "paper": paper(visit["jurisdiction"]),
        "visit_id": str(visit["visit_id"]),
        "name": breakable(visit["name"]),
        "reference": breakable(visit["contract_number"]),
        "visitor": breakable(visit["visitor"]),
        "visit_on": long_date(visit["visit_on"]),
        "address_kind": _KINDS.get(visit["address_kind"], "Otro"),
        "address": parts,
        "irregular_numbering": visit["irregular_numbering"],
    }
