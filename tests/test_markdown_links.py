"""The check of links in ``make lint`` reports broken links and accepts all others."""

import pytest
from markdown_links import anchors, links, paths, problem_of_link

PAGE = "docs/services/portfolio.md"


@pytest.mark.parametrize(
    "target",
    [
        "../architecture.md",
        "/docs/architecture.md",
        "../../libs/events/README.md#two-services-in-100-lines",
        "../runbooks",
        "https://example.org/nothing",
        "mailto:nobody@example.org",
    ],
)
def test_a_link_to_an_existing_target_is_accepted(target: str) -> None:
    assert problem_of_link(PAGE, target) is None


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("nothing.md", "The link nothing.md leads to docs/services/nothing.md, which does not exist."),
        ("#nowhere", f"The link #nowhere names a heading that {PAGE} does not have."),
        (
            "../../README.md#nowhere",
            "The link ../../README.md#nowhere names a heading that README.md does not have.",
        ),
        ("../../../README.md", "The link ../../../README.md leads out of the workspace."),
    ],
)
def test_a_broken_link_is_reported_with_a_sentence(target: str, sentence: str) -> None:
    assert problem_of_link(PAGE, target) == sentence


def test_links_are_found_with_their_lines_but_not_in_code() -> None:
    text = (
        "[one](a.md) and ![two](<b c.png> 'title')\n"
        "`[no](code.md)` ``[no](`code`.md)``\n"
        "```sh\n[no](fence.md)\n```\n"
        "[three](c_(d).md)\n"
        "[four]: e.md#part\n"
        "[^1]: a footnote\n"
    )
    assert list(links(text)) == [(1, "a.md"), (1, "b c.png"), (6, "c_(d).md"), (7, "e.md#part")]


def test_paths_are_found_between_backticks() -> None:
    text = "`libs/events/` `libs/…` `services/<name>` `make lint`\n`tests/running_platform.py`\n"
    assert list(paths(text)) == [(1, "libs/events"), (2, "tests/running_platform.py")]


def test_headings_become_anchors_as_on_github() -> None:
    text = "# The `event` runtime, *twice*\n## [Part](a.md) 2: a_b ##\n```\n# no heading\n```\n### Same\n### Same\n"
    assert anchors(f'{text}<a id="x"></a>') == {"the-event-runtime-twice", "part-2-a_b", "same", "same-1", "x"}
