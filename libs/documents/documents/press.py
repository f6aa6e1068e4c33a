"""The press makes PDFs of templates and documents.

The content of a document never becomes part of a template's text. It is passed as JSON beside the template, so a name
that looks like markup is printed as it is.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import typst

Document = Mapping[str, Any]
"""The input of a template: texts, lists of texts, truth values."""


class Press:
    """Prints documents one at a time, in a thread of its own. typst keeps fonts and templates for the next document."""

    def __init__(self, templates: Path) -> None:
        """``templates`` is the folder of the templates, each ``<name>.typ``."""
        self._templates = templates
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="press")
        self._typst: typst.Compiler | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the press until the app stops, then end its thread. For an app's lifespan."""
        yield
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def print(self, template: str, document: Document) -> bytes:
        """Return the PDF that the template makes of the document."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._print, template, document)

    def _print(self, template: str, document: Document) -> bytes:
        path = self._templates / f"{template}.typ"
        if self._typst is None:
            self._typst = typst.Compiler(path, root=self._templates, ignore_system_fonts=True)
        content = self._typst.compile(path, format="pdf", sys_inputs={"document": json.dumps(document)})
        assert isinstance(content, bytes)
        return content
