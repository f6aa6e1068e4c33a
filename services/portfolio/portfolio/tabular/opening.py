"""Opens a portfolio file of any kind, and makes UTF-8 or code-page text with separators of it.

What a file is comes from its content, never from its name. Sizes are bounded before anything is unpacked, and what an
archive declares is not trusted.
"""

import codecs
import csv
import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from portfolio.tabular.columnar import parquet_rows
from portfolio.tabular.heads import GZIP, HEAD_BYTES, OLE, PARQUET, ZIP, encoding_of_head, inspect_head
from portfolio.tabular.layouts import UNKNOWN_LAYOUT, Layout
from portfolio.tabular.records import FileHead, FileProblem
from portfolio.tabular.workbooks import refuse_unsafe, sheet_rows

MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
"""The most bytes that a packed file may hold."""
MAX_RATIO = 200
"""A packed file that grows more is a bomb. Tables of text grow by less than 30."""
_FREE_BYTES = 16 * 1024 * 1024
"""Files below this size may grow as they like."""
_PIECE = 1024 * 1024
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True)
class Opened:
    """A file as text in ``path``, with its head.

    ``encoding`` is None where the bytes of the whole file have to tell the code page. ``header_row`` counts lines, or
    rows of the sheet, from 1. ``warnings`` are for the person who sent the file.
    """

    path: Path
    format: str
    head: FileHead
    encoding: str | None
    header_row: int
    sheet: str | None = None
    warnings: tuple[str, ...] = ()


def opened(path: Path, folder: Path, layout: Layout = UNKNOWN_LAYOUT) -> Opened:
    """Open a file, in whose place unpacked copies are made in ``folder``.

    Raises ``FileProblem`` when it is no portfolio file, or not a safe one.
    """
    path = unpacked(path, folder)
    first = first_bytes_of(path)
    if first.startswith(OLE):
        raise _old_or_encrypted(path)
    if first.startswith(PARQUET):
        return _table(parquet_rows(path), "parquet", folder, layout)
    if first.startswith(ZIP):
        refuse_unsafe(path, MAX_UNPACKED_BYTES)
        return _sheet(path, folder, layout)
    if first.startswith(GZIP):
        raise FileProblem("unsupported-type", "The file is packed more than once. Unpack it and send the table inside.")
    return _text(path, folder, layout)


def unpacked(path: Path, folder: Path) -> Path:
    """The file itself, or what is in a gzip file or alone in a ZIP archive, unpacked into ``folder``.

    Raises ``FileProblem`` when it is damaged, has a password, or becomes too large.
    """
    first = first_bytes_of(path)
    if first.startswith(GZIP):
        return _ungzipped(path, folder / "unpacked")
    if first.startswith(ZIP) and (inside := _only_member(path)) is not None:
        return _unzipped(path, inside, folder / "unpacked")
    return path


def first_bytes_of(path: Path) -> bytes:
    """What ``inspect_head`` needs of a file."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _text(path: Path, folder: Path, layout: Layout) -> Opened:
    first = first_bytes_of(path)
    head = inspect_head(first, layout)
    encoding = layout.encoding or encoding_of_head(first)
    if encoding is not None and encoding.startswith("utf-16"):
        path = _transcoded(path, folder / "unicode", encoding)
        return Opened(path, "csv", head, "utf-8", head.skipped_lines + 1)
    return Opened(path, "csv", head, encoding, head.skipped_lines + 1)


def _transcoded(path: Path, target: Path, encoding: str) -> Path:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    with path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as into:
        while piece := source.read(_PIECE):
            into.write(decoder.decode(piece))
        into.write(decoder.decode(b"", final=True))
    return target


def _bounded(read: Callable[[int], bytes], target: Path, packed_bytes: int) -> None:
    """Write what ``read`` unpacks. Raises ``FileProblem`` when it becomes too much."""
    most = min(MAX_UNPACKED_BYTES, max(_FREE_BYTES, packed_bytes * MAX_RATIO))
    written = 0
    with target.open("wb") as into:
        while piece := read(_PIECE):
            written += len(piece)
            if written > most:
                raise bomb()
            into.write(piece)


def bomb() -> FileProblem:
    return FileProblem(
        "bomb", "The file becomes far too large when it is unpacked. Send the table itself, in several smaller files."
    )


def _ungzipped(path: Path, target: Path) -> Path:
    try:
        with gzip.open(path, "rb") as file:
            _bounded(file.read, target, path.stat().st_size)
    except (OSError, EOFError, zlib.error) as error:
        raise FileProblem("unsupported-type", "The gzip archive is damaged or not complete. Send it again.") from error
    return target


def _only_member(path: Path) -> zipfile.ZipInfo | None:
    """The only file in a ZIP archive; None where the archive is a workbook."""
    with _archive(path) as archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
        if any(one.filename == "[Content_Types].xml" for one in members):
            return None
        if any(one.flag_bits & 1 for one in members):
            raise FileProblem("encrypted", "The ZIP archive has a password. Send the file without a password.")
        if any(one.filename in ("content.xml", "mimetype") for one in members):
            raise FileProblem("unsupported-type", "The file is an OpenDocument file. Save it as XLSX or CSV.")
        if len(members) != 1:
            detail = f"The ZIP archive holds {len(members)} files. Send an archive with one file, or each file alone."
            raise FileProblem("unsupported-type", detail)
        return members[0]


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise damaged_archive() from error


def damaged_archive() -> FileProblem:
    detail = "The file is a ZIP archive or a workbook that is damaged or not complete. Save it again and send it."
    return FileProblem("unsupported-type", detail)


def _unzipped(path: Path, member: zipfile.ZipInfo, target: Path) -> Path:
    try:
        with _archive(path) as archive, archive.open(member) as file:
            _bounded(file.read, target, max(1, member.compress_size))
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise damaged_archive() from error
    return target


def _old_or_encrypted(path: Path) -> FileProblem:
    with path.open("rb") as file:
        if _holds(file, _ENCRYPTED_STREAM):
            return FileProblem("encrypted", "The workbook has a password. Save it without a password and send it.")
    return FileProblem(
        "unsupported-type", "The file is an old Excel workbook (XLS) or another old Office file. Save it as XLSX."
    )


def _holds(file: BinaryIO, wanted: bytes) -> bool:
    before = b""
    while piece := file.read(_PIECE):
        if wanted in before + piece:
            return True
        before = piece[-len(wanted) :]
    return False


def _sheet(path: Path, folder: Path, layout: Layout) -> Opened:
    found = sheet_rows(path, layout)
    text = _as_text(found.rows, folder)
    return Opened(text, "xlsx", found.head, "utf-8", found.header_row, found.sheet, found.warnings)


def _table(rows: Iterable[Sequence[str]], kind: str, folder: Path, layout: Layout) -> Opened:
    text = _as_text(rows, folder)
    layout = Layout(**{**layout.__dict__, "separator": ",", "encoding": "utf-8", "header_row": 1})
    return Opened(text, kind, inspect_head(first_bytes_of(text), layout), "utf-8", 1)


def _as_text(rows: Iterable[Sequence[str]], folder: Path) -> Path:
    target = folder / "table.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return target
