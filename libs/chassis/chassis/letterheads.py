"""What letters say of a creditor or an agency, as its service takes, stores and shows it."""

from typing import Annotated, Any

from pydantic import Field

from chassis.models import InputModel, ShortText, Text

STORED = "letterhead jsonb NOT NULL DEFAULT '{}'"
"""The column of a table whose rows have a letterhead. A member that is not known is missing."""
CHANGED = "jsonb_strip_nulls(letterhead || $2::jsonb)"
"""SQL: the column after a change by ``$2``, the fields that ``given`` returns."""


class Letterhead(InputModel):
    """What is left out stays as it is; null removes it.

    ``complaints_unit`` says where a debtor complains, ``payment_instructions`` where and how the debtor pays.
    """

    legal_name: ShortText | None = None
    tax_id: Annotated[ShortText, Field(max_length=30)] | None = None
    address: Annotated[Text, Field(max_length=300)] | None = None
    phones: Annotated[tuple[Annotated[ShortText, Field(max_length=40)], ...], Field(max_length=5)] | None = None
    complaints_unit: Annotated[Text, Field(max_length=300)] | None = None
    payment_instructions: Text | None = None


def given(letterhead: Letterhead) -> dict[str, Any]:
    """Return the fields that the request has, as JSON."""
    names = letterhead.model_fields_set & Letterhead.model_fields.keys()
    return letterhead.model_dump(mode="json", include=set(names))
