"""What a file waits for, in sentences, and the commands that answer."""

from typing import Any

from recobro.client import Client
from recobro.terminal import count, counted

FileView = dict[str, Any]
_FINISHED = ("loaded", "failed")
_MOST_WAITING = 200
"""More files than may wait in one portfolio."""


def is_waiting(view: FileView) -> bool:
    """Whether the file waits for a person's answer."""
    return bool(view["status"] == "needs_confirmation")


def question(view: FileView) -> str:
    """What a waiting file asks, for people."""
    match view.get("confirmation_reason"):
        case "future_date":
            return f"This file is of {view['as_of']}, which is far ahead of today. This cannot be taken back."
        case "repeated_figures":
            return (
                f"This file states again what an earlier file stated, and payments have arrived since. As of "
                f"{view['as_of']} they would count as unpaid."
            )
        case "code_page":
            words = [
                f"  {reading['code_page']}: {', '.join(reading['words'])}" for reading in view.get("code_pages") or ()
            ]
            return "\n".join(["It is not sure in which code page this file is. Its words are:", *words])
    closing = count(view.get("contracts_to_close") or 0)
    return f"This snapshot would close {closing} contracts that it does not name."


_FOUND = {
    "file_payments": "owe less than was known, and no payment explains it; the difference is a payment of the file",
    "in_posting": "have payments that the file does not know yet; these stay",
    "differs": "owe more than was known; the file's figure holds",
    "unposted": "have payments that the creditor's files have not known in time; the file's figure holds",
    "kept_decisions": "keep what was decided about them",
    "person_changed": "are another customer's now",
    "set_aside": "were left as they were",
}
"""What a loaded file says otherwise than was known, by the name of its count."""


def findings_of(view: FileView) -> list[str]:
    """A line for each kind of finding of a loaded file, and how to list them. Counts are of findings."""
    lines = [f"{count(view[name])} × contracts {text}." for name, text in _FOUND.items() if view.get(name)]
    return [*lines, f"To list them: recobro findings {view['file_id']}"] if lines else []


def undecided(view: FileView) -> str | None:
    """What a loaded file has left to a person, for people."""
    if not view.get("undecided"):
        return None
    return (
        f"Set aside: {counted(view['undecided'], 'contract')}. Nobody contacts the debtors until you decide. "
        f"The reasons: recobro findings {view['file_id']} --undecided"
    )


def ways_to_answer(view: FileView) -> list[str]:
    """The commands that say yes or no."""
    command = f"recobro confirm {view['file_id']}"
    if undecided(view):
        return [f"They owe what the file states: {command}", f"They keep their figures: {command} --no"]
    if not is_waiting(view):
        return []
    if view.get("confirmation_reason") == "code_page":
        pages = [reading["code_page"] for reading in view.get("code_pages") or ()]
        return [*(f"{page} is right: {command} --code-page {page}" for page in pages), f"None is right: {command} --no"]
    return [f"Yes: {command}", f"No: {command} --no"]


def place_in_line(client: Client, view: FileView) -> str | None:
    """Behind which file this one waits for its turn, for people. None if it waits for no other."""
    if view["status"] != "received":
        return None
    path = f"/v1/portfolios/{view['portfolio_id']}/files"
    newest = client.get("portfolio", path, order="desc", limit=_MOST_WAITING)["items"]
    ids = [file["file_id"] for file in newest]
    earlier = (
        [file for file in newest[ids.index(view["file_id"]) + 1 :] if _blocks(file)] if view["file_id"] in ids else []
    )
    if not earlier:
        return None
    first = earlier[-1]
    others = f", and {count(len(earlier) - 1)} more before it" if len(earlier) > 1 else ""
    sentence = f"It waits behind {first['filename']} ({first['file_id']}){others}."
    if is_waiting(first):
        return "\n".join([f"{sentence} That one waits for an answer: {question(first)}", *ways_to_answer(first)])
    return f"{sentence} That one is {first['status']}."


def _blocks(file: FileView) -> bool:
    """A file whose day is in question lets the others pass."""
    if file["status"] in _FINISHED:
        return False
    return not (is_waiting(file) and file.get("confirmation_reason") == "future_date")
