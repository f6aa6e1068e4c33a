"""What a debtor calls inconvenient, as people and dialers enter it."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from chassis.models import InputModel, Written

PARTS = ("not_hours", "not_days", "not_media", "not_places")


def _has_a_length(hours: str) -> str:
    begins, _, ends = hours.partition("-")
    if begins == ends:
        raise PydanticCustomError("hours", "must end at another time than it begins")
    return hours


Hours = Annotated[
    str,
    Written("([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]", "must be hours such as 12:00-14:00"),
    AfterValidator(_has_a_length),
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Medium = Literal["call", "sms", "whatsapp", "email", "visit"]
PlaceKind = Literal["personal", "fiscal", "commercial", "legal", "other"]


class Inconvenient(InputModel):
    """What is inconvenient for a debtor. Each of the four binds by itself.

    ``not_hours`` are hours of the debtor's clock, such as 12:00-14:00; an end before the beginning lies on the next
    day. ``not_places`` are kinds of address.
    """

    not_hours: Annotated[tuple[Hours, ...], Field(max_length=10)] = ()
    not_days: Annotated[tuple[Weekday, ...], Field(max_length=7)] = ()
    not_media: Annotated[tuple[Medium, ...], Field(max_length=5)] = ()
    not_places: Annotated[tuple[PlaceKind, ...], Field(max_length=5)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(getattr(self, part) for part in PARTS):
            raise PydanticCustomError("inconvenient", "must name hours, days, media or places")
        return self
