"""Answers about files, in the reader's language. Portfolio files and banks' files give them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

from chassis import Page
from chassis.languages import Language, Locale
from fastapi import Response

_BINARY = {"schema": {"type": "string", "format": "binary"}}
ANY_FILE: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}}
"""The body of an upload, for the OpenAPI document."""
Say = Callable[[str, Language], str]
"""Says a sentence about a file in a language."""


class _Told(Protocol):
    @property
    def error(self) -> str | None: ...

    @property
    def warnings(self) -> Sequence[str]: ...

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self: ...


_File = TypeVar("_File", bound=_Told)


def language_of(locale: Locale | None) -> Language:
    return locale.language if locale else Language.EN


def worded(file: _File, say: Say, locale: Locale | None, response: Response) -> _File:
    """The file with its error and its warnings in the reader's language."""
    language = language_of(locale)
    response.headers["Content-Language"] = language
    error = None if file.error is None else say(file.error, language)
    return file.model_copy(update={"error": error, "warnings": [say(warning, language) for warning in file.warnings]})


def all_worded(found: Page[Any], say: Say, locale: Locale | None, response: Response) -> Page[Any]:
    items = [worded(file, say, locale, response) for file in found["items"]]
    return Page(items=items, next_cursor=found["next_cursor"])


def of_rejects(file_id: UUID, ending: str, locale: Locale | None) -> dict[str, str]:
    """The headers of an answer that holds a file's rejected rows."""
    disposition = f'attachment; filename="rejects-{file_id}.{ending}"'
    return {"Content-Disposition": disposition, "Content-Language": language_of(locale)}
