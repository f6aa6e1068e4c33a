"""The base of requests and answers: strict models and bounded values."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from recobro_events import Money
from recobro_events import Percent as AnyPercent

T = TypeVar("T", bound=tuple[Any, ...])
INT4_MAX = 2**31 - 1
INT8_MAX = 2**63 - 1
FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2100, 12, 31)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,3})?", re.ASCII)
_DIGITS = re.compile(r"-?\d{1,19}", re.ASCII)
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_STRICT_SCALARS = frozenset({"int", "float", "bool"})


def _with_strict_scalars(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_strict_scalars(child) for child in node]
    if isinstance(node, tuple):
        return tuple(_with_strict_scalars(child) for child in node)
    if not isinstance(node, dict):
        return node
    walked = {
        key: child if key in {"metadata", "serialization", "default"} else _with_strict_scalars(child)
        for key, child in node.items()
    }
    if walked.get("type") in _STRICT_SCALARS:
        walked["strict"] = True
    if walked.get("type") == "int":
        walked = {"ge": -INT8_MAX - 1, "le": INT8_MAX} | walked
    return walked


class InputModel(BaseModel):
    """The input of a caller. Unknown fields are refused; numbers and truth values are never read from text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Strict mode for the whole model would also refuse ids and dates, which arrive as text.
        schema: CoreSchema = _with_strict_scalars(handler(source))
        return schema


class OutputModel(BaseModel):
    """The output of a service."""

    model_config = ConfigDict(frozen=True)


def refuse_control_characters(text: str) -> str:
    """Return ``text``. Raises ``ValueError`` if it holds a control, bidirectional or unpaired character."""
    # None of the refused characters is printable, and this looks at a text once.
    if text.isprintable():
        return text
    for character in text:
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _BIDIRECTIONAL:
            raise ValueError("must not contain control or bidirectional characters")
    return text


def _clean(value: object) -> object:
    return refuse_control_characters(value).strip() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_clean), Field(min_length=1, max_length=1000)]
"""1 to 1000 characters once stripped; no control or bidirectional characters."""

ShortText = Annotated[str, BeforeValidator(_clean), Field(min_length=1, max_length=200)]
"""1 to 200 characters once stripped; no control or bidirectional characters."""


@dataclass(frozen=True)
class Written:
    """For ``Annotated[str, Written(…)]``: a text of this pattern. ``refusal`` says what it must be, as for a field."""

    pattern: str
    refusal: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^{self.pattern}$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.refusal)
        return value


Amount = Annotated[
    Money,
    Field(gt=0),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,12}(\.\d{1,2})?$", "examples": ["1234.50"]}),
]
"""Money above zero."""


def _plainly_written(value: object) -> object:
    if not isinstance(value, Decimal) and not (isinstance(value, str) and _PERCENT.fullmatch(value)):
        raise ValueError('must be a number in quotes such as "12.50", with at most 3 digits after the point')
    return value


Percent = Annotated[
    AnyPercent,
    BeforeValidator(_plainly_written),
    WithJsonSchema({"type": "string", "pattern": f"^{_PERCENT.pattern}$", "examples": ["12.50"]}),
]
"""Percent of an amount, 0 to 100, as a decimal string with at most 3 digits after the point."""


def _no_doubles(values: T) -> T:
    if len(set(values)) < len(values):
        raise ValueError("must not have duplicates")
    return values


Distinct = Annotated[T, AfterValidator(_no_doubles)]
"""A tuple without duplicates: ``Distinct[tuple[UUID, ...]]``. Bounds of its length go inside the brackets."""

Count = Annotated[StrictInt, Field(ge=0, le=INT4_MAX)]
"""0 to 2³¹-1, in a body: a JSON number, never text."""


def _whole(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


WholeParameter = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=INT8_MAX)]
"""0 to 2⁶³-1, in a path or a query, where everything is text; plain digits only."""


def _date_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        value = _date_of(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a date such as 2026-01-31")
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"must lie between {FIRST_DAY} and {LAST_DAY}")
    return value


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-01-31"]})
]
"""A calendar day from 2000 to 2100, written ``YYYY-MM-DD``."""


def _moment(value: object) -> object:
    if isinstance(value, str):
        if not _MOMENT.fullmatch(value):
            raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
        return value
    if not isinstance(value, datetime):
        raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must name its time zone")
    if not FIRST_DAY.year <= value.year <= LAST_DAY.year:
        raise ValueError(f"must lie between {FIRST_DAY.year} and {LAST_DAY.year}")
    return value.astimezone(UTC)


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(_in_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00Z"]}),
]
"""A moment with its time zone (RFC 3339), kept in UTC."""
