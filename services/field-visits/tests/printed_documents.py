"""What field-visits prints, recorded: the bytes of a PDF are compressed, so a search in them finds nothing."""

import json
from typing import Any

import typst
from documents.press import Document, Press
from field_visits.documents import TEMPLATES


class RecordingPress(Press):
    """Prints like the real press, and records the documents."""

    def __init__(self) -> None:
        super().__init__(TEMPLATES)
        self.documents: list[tuple[str, Document]] = []

    async def print(self, template: str, document: Document) -> bytes:
        self.documents.append((template, document))
        return await super().print(template, document)

    def pages(self, document: Document) -> int:
        compiler = typst.Compiler(
            TEMPLATES / "letter.typ",
            root=TEMPLATES,
            ignore_system_fonts=True,
            sys_inputs={"document": json.dumps(document)},
        )
        pages = compiler.compile(format="png")
        return len(pages) if isinstance(pages, list) else 1


def texts(value: Any) -> list[str]:
    """All texts of a document."""
    if isinstance(value, dict):
        return [text for child in value.values() for text in texts(child)]
    if isinstance(value, list | tuple):
        return [text for child in value for text in texts(child)]
    return [str(value)]
