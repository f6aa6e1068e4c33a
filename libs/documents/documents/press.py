"""The press makes PDFs of templates and documents.

The content of a document never becomes part of a template's text. It is passed as JSON beside the template, so a name
that looks like markup is printed as it is.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import typst

PRINT_SECONDS = 30.0
MOST_WAITING = 50
Document = Mapping[str, Any]
"""The input of a template: texts, lists of texts, truth values."""


class PressBusy(TimeoutError):
    """The document was not printed in time, or too many documents wait. Try again."""


class PressBroken(RuntimeError):
    """typst failed on the document in a way that it should not."""


class Press:
    """Prints documents one at a time, in a thread of its own. typst keeps fonts and templates for the next document.

    A document on which typst fails or hangs harms no other: the next one gets a new compiler, or a new thread.
    """

    def __init__(self, templates: Path) -> None:
        """``templates`` is the folder of the templates, each ``<name>.typ``."""
        self._templates = templates
        self._thread = _new_thread()
        self._kept = threading.local()
        self._waiting = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the press until the app stops, then end its thread. For an app's lifespan."""
        yield
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def print(self, template: str, document: Document) -> bytes:
        """Return the PDF that the template makes of the document. ``PressBusy`` when that takes too long."""
        if self._waiting >= MOST_WAITING:
            raise PressBusy(f"{MOST_WAITING} documents wait to be printed")
        self._waiting += 1
        thread = self._thread
        try:
            async with asyncio.timeout(PRINT_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(thread, self._print, template, document)
        except TimeoutError:
            self._leave(thread)
            raise PressBusy(f"{template} was not printed within {PRINT_SECONDS:.0f} s") from None
        finally:
            self._waiting -= 1

    def _leave(self, thread: ThreadPoolExecutor) -> None:
        """Go on with a new thread. typst cannot be stopped, so the old one ends by itself or with the process."""
        if thread is self._thread:
            self._thread = _new_thread()
            thread.shutdown(wait=False)

    def _print(self, template: str, document: Document) -> bytes:
        path = self._templates / f"{template}.typ"
        compiler, self._kept.typst = getattr(self._kept, "typst", None), None
        try:
            compiler = compiler or typst.Compiler(path, root=self._templates, ignore_system_fonts=True)
            content = compiler.compile(path, format="pdf", sys_inputs={"document": json.dumps(document)})
        except Exception:
            raise
        except BaseException as panic:
            # A panic of typst is no Exception, and would end more than this request.
            raise PressBroken(f"typst failed on {template}: {panic}") from panic
        self._kept.typst = compiler
        assert isinstance(content, bytes)
        return content


def _new_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="press")
