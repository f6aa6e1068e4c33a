"""A log line has one name, which people can search for, and runbooks search for names that the code writes."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_WRITTEN = re.compile(
    r"\b_?log\.(?:debug|info|warning|error|exception|critical)\(\s*f?\"([^\"]*)\"|\b_?log\.info, \"([^\"]*)\""
)
_SEARCH = re.compile(r"\| grep (.+)")
_NAME = re.compile(r"[a-z]+(?:_[a-z]*)+|[a-z]+")


def _sources() -> list[str]:
    folders = [*ROOT.glob("libs/*"), *ROOT.glob("services/*"), ROOT / "cli", ROOT / "console"]
    files = (file for folder in folders for file in folder.rglob("*.py") if "tests" not in file.parts)
    return [file.read_text(encoding="utf-8") for file in files]


def _searched() -> list[tuple[str, str]]:
    """What runbooks search the logs for: the page and the argument of grep, without quotes."""
    return [
        (page.name, argument.strip("'\""))
        for page in sorted((ROOT / "docs/runbooks").glob("*.md"))
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("kubectl") and (search := _SEARCH.search(line))
        for argument in re.findall(r"'[^']*'|\"[^\"]*\"|\S+", search[1])
        if not argument.startswith("-")
    ]


def test_a_log_line_has_a_name_in_lower_case() -> None:
    written = {first or second for text in _sources() for first, second in _WRITTEN.findall(text)}
    assert len(written) > 50
    assert [name for name in sorted(written) if not _NAME.fullmatch(name)] == []


def test_runbooks_search_for_lines_that_are_written() -> None:
    quoted = set(re.findall(r"\"([a-z_]+)\"", "\n".join(_sources())))
    searched = _searched()
    assert len(searched) > 15
    unknown = [
        (page, name)
        for page, name in searched
        if _NAME.fullmatch(name)
        and not any(each == name or (name.endswith("_") and each.startswith(name)) for each in quoted)
    ]
    assert unknown == []
    # The rest is a member of a line, or stands for a name. The quotes at the ends are gone.
    assert {name for _, name in searched if not _NAME.fullmatch(name)} <= {'status": 429', "NAME"}
