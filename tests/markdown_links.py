"""Checks the Markdown of the workspace: every link leads to a file and a heading that exist, every path exists.

Addresses outside of the workspace are not requested. The check needs only the standard library. ``make lint`` runs it.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
_FENCED = re.compile(r"(?ms)^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\1[`~]*[ \t]*$")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_LINK = re.compile(r"\]\(\s*(?:<([^>]*)>|([^\s()]*(?:\([^\s()]*\)[^\s()]*)*))(?:\s+[\"'(][^)]*)?\)")
_DEFINITION = re.compile(r"(?m)^ {0,3}\[(?!\^)[^\]]+\]:\s*<?([^\s>]+)")
_HEADING = re.compile(r"(?m)^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$")
_ANCHOR = re.compile(r"<a\s[^>]*(?:id|name)=\"([^\"]+)\"")
_ELSEWHERE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")
_PATH = re.compile(r"(?:bench|cli|deploy|docs|libs|requirements|services|tests)/[\w./-]*\w")


def pages() -> Iterator[str]:
    """Yield the path of every page, from the root. Folders with a leading dot hold fetched or generated files."""
    for folder, names, files in os.walk(ROOT):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from (str((Path(folder) / file).relative_to(ROOT)) for file in sorted(files) if file.endswith(".md"))


def exists(path: str) -> bool:
    return (ROOT / path).exists()


def anchors(text: str) -> set[str]:
    """Return the anchors of this page, as GitHub makes them from the headings."""
    found: set[str] = set()
    seen: Counter[str] = Counter()
    text = blanked(_FENCED, text)
    for heading in _HEADING.findall(text):
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found | set(_ANCHOR.findall(text))


@cache
def anchors_of(path: str) -> set[str]:
    return anchors((ROOT / path).read_text(encoding="utf-8"))


def blanked(pattern: re.Pattern[str], text: str) -> str:
    """Return the text with blanks where the pattern matches. Lines and columns stay."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the target of every link."""
    text = blanked(_CODE, blanked(_FENCED, text))
    for pattern in (_LINK, _DEFINITION):
        for found in pattern.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, next(group for group in found.groups() if group is not None)


def paths(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of everything between backticks that looks like a path."""
    text = blanked(_FENCED, text)
    for found in _CODE.finditer(text):
        if _PATH.fullmatch(found[2].strip().rstrip("/")):
            yield text.count("\n", 0, found.start()) + 1, found[2].strip().rstrip("/")


def resolved(page: str, target: str) -> str | None:
    """Return the target's path from the root, or None if it leads out of the workspace."""
    parts: list[str] = [] if target.startswith("/") else list(PurePosixPath(page).parent.parts)
    for part in PurePosixPath(target.lstrip("/")).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return "/".join(parts) or "."


def problem_of_link(page: str, target: str) -> str | None:
    """Return a sentence about the problem of a link, or None if there is no problem."""
    if _ELSEWHERE.match(target):
        return None
    name, _, anchor = unquote(target).partition("#")
    path = resolved(page, name) if name else page
    if path is None:
        return f"The link {target} leads out of the workspace."
    if not exists(path):
        return f"The link {target} leads to {path}, which does not exist."
    if anchor and path.endswith(".md") and anchor not in anchors_of(path):
        return f"The link {target} names a heading that {path} does not have."
    return None


def problems_of(page: str) -> Iterator[str]:
    """Yield a sentence for each problem of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for line, target in links(text):
        if problem := problem_of_link(page, target):
            yield f"{page}:{line}: {problem}"
    for line, path in paths(text):
        beside = resolved(page, path)
        if not exists(path) and (beside is None or not exists(beside)):
            yield f"{page}:{line}: There is no {path}, neither from the root nor from this page's folder."


def main() -> int:
    problems = [problem for page in pages() for problem in problems_of(page)]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
