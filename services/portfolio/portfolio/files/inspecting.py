"""Looks at a file at its upload, and shows how it would be read, before anything of it is stored."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from chassis import Invalid
from chassis.languages import Language
from chassis.problems import Unavailable

from portfolio.files.file_sentences import SENTENCES
from portfolio.files.reading import LAYOUT_FILE, FileRefused, run_reader
from portfolio.portfolios.portfolios import Portfolio
from portfolio.tabular.heads import HEAD_BYTES, PACKED, inspect_head, named_file
from portfolio.tabular.layouts import Layout
from portfolio.tabular.records import FileProblem

_PREFIX = "recobro-look-"
_LEFT_AFTER_SECONDS = 3600
_TIMEOUT_SECONDS = 60
_MOST_WAITING_SECONDS = 20
_AT_ONCE = asyncio.Semaphore(2)
"""Processes that look at files. Others wait, and hold nothing while they do."""
_LATER = frozenset({"ambiguous_amounts", "ambiguous_dates"})
"""What reading all of a file decides."""


@dataclass(frozen=True)
class Look:
    """What the first bytes say. ``is_rejects``: the file has the columns of rejected rows. ``names_file`` is the id in
    its column file_id. ``problem`` is why the file cannot be loaded.
    """

    is_rejects: bool
    names_file: str | None
    problem: FileProblem | None

    def refuse(self, language: Language = Language.EN) -> None:
        """Raise ``Invalid`` when the file cannot be loaded, with a sentence in this language."""
        if self.problem is not None:
            raise Invalid(
                SENTENCES.said(self.problem.detail, language), code=self.problem.code.replace("_", "-")
            ) from self.problem


async def look(content: IO[bytes], portfolio: Portfolio, layout: Mapping[str, Any] | None) -> Look:
    """Look at a file whose profile, if it has one, is ``layout``. Text is read here, other files by the reader."""
    content.seek(0)
    first = content.read(HEAD_BYTES)
    if not first.startswith(PACKED):
        return _look_at_text(first, Layout.of(layout or {}))
    try:
        shown = await preview(content, portfolio, layout)
    except FileRefused as refused:
        return Look(is_rejects=False, names_file=None, problem=FileProblem(refused.code, refused.detail))
    code = shown["problem"]
    problem = FileProblem(code, shown["warnings"][0]) if code is not None and code not in _LATER else None
    return Look(shown["is_rejects"], shown["names_file"], problem)


def _look_at_text(first: bytes, layout: Layout) -> Look:
    try:
        head = inspect_head(first, layout)
    except FileProblem as problem:
        try:
            head = inspect_head(first, replace(layout, is_draft=True))
        except FileProblem:
            return Look(is_rejects=False, names_file=None, problem=problem)
        return Look(bool(head.ours), named_file(first, head), problem)
    return Look(bool(head.ours), named_file(first, head), None)


async def preview(content: IO[bytes], portfolio: Portfolio, layout: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return how the reader would read the file (``portfolio.files.reader.preview``). Raises ``FileRefused``."""
    async with _turn(), _folder() as folder:
        source = folder / "portfolio.file"
        await asyncio.to_thread(_copy, content, source)
        options = ["--preview", "--jurisdiction", portfolio.jurisdiction, "--currency", portfolio.currency]
        options += ["--usual-code-page", portfolio.code_page]
        if layout is not None:
            (folder / LAYOUT_FILE).write_text(json.dumps(dict(layout)), encoding="utf-8")
            options += ["--layout", str(folder / LAYOUT_FILE)]
        return await run_reader(source, folder, options, _TIMEOUT_SECONDS)


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_MOST_WAITING_SECONDS):
            await _AT_ONCE.acquire()
    except TimeoutError:
        raise Unavailable("Other files are looked at. Send this one again in a moment.") from None
    try:
        yield
    finally:
        _AT_ONCE.release()


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    folder = await asyncio.to_thread(fresh_folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fresh_folder() -> Path:
    """A folder for a copy of a file. Folders that a killed process left an hour ago hold personal data, and go."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LEFT_AFTER_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


def _copy(content: IO[bytes], target: Path) -> None:
    content.seek(0)
    with target.open("wb") as into:
        shutil.copyfileobj(content, into)
