"""What a file waits for, in sentences, and the commands that answer."""

from typing import Any

from recobro.client import Client
from recobro.language import day, tr, word
from recobro.terminal import count

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
            return tr(
                "This file is of {day}, which is far ahead of today. This cannot be taken back.", day=day(view["as_of"])
            )
        case "repeated_figures":
            return tr(
                "This file states again what an earlier file stated, and payments have arrived since. As of {day} they "
                "would count as unpaid.",
                day=day(view["as_of"]),
            )
        case "code_page":
            words = [
                f"  {reading['code_page']}: {', '.join(reading['words'])}" for reading in view.get("code_pages") or ()
            ]
            return "\n".join([tr("It is not sure in which code page this file is. Its words are:"), *words])
    closing = count(view.get("contracts_to_close") or 0)
    return tr("This snapshot would close contracts that it does not name: {count}.", count=closing)


FOUND = {
    "file_payments": "contracts owe less than was known without a payment; the difference is a payment of the file.",
    "in_posting": "contracts have payments that the file does not know yet; these stay.",
    "differs": "contracts owe more than was known; the file's figure holds.",
    "unposted": "contracts have payments that the creditor's files have not known in time; the file's figure holds.",
    "kept_decisions": "contracts keep what was decided about them.",
    "person_changed": "contracts are another customer's now.",
    "set_aside": "contracts were left as they were.",
    "would_register": "contracts would be new.",
    "would_revise": "contracts would be restated.",
    "would_close": "contracts would be closed.",
}
"""What a loaded file says otherwise than was known, by the name of its count."""


def findings_of(view: FileView) -> list[str]:
    """A line for each kind of finding of a loaded file, and how to list them. Counts are of findings."""
    lines = [f"{count(view[name])} × {tr(text)}" for name, text in FOUND.items() if view.get(name)]
    return [*lines, tr("To list them: recobro findings {file}", file=view["file_id"])] if lines else []


def undecided(view: FileView) -> str | None:
    """What a loaded file has left to a person, for people."""
    if not view.get("undecided"):
        return None
    return tr(
        "Contracts set aside: {count}. Nobody contacts the debtors until you decide. "
        "The reasons: recobro findings {file} --undecided",
        count=count(view["undecided"]),
        file=view["file_id"],
    )


def ways_to_answer(view: FileView) -> list[str]:
    """The commands that say yes or no."""
    command = f"recobro confirm {view['file_id']}"
    if undecided(view):
        return [f"{tr('They owe what the file states:')} {command}", f"{tr('They keep their figures:')} {command} --no"]
    if not is_waiting(view):
        return []
    if view.get("confirmation_reason") == "code_page":
        pages = [reading["code_page"] for reading in view.get("code_pages") or ()]
        right = [f"{tr('{page} is right:', page=page)} {command} --code-page {page}" for page in pages]
        return [*right, f"{tr('None is right:')} {command} --no"]
    return [f"{tr('Yes:')} {command}", f"{tr('No:')} {command} --no"]


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
    sentence = tr("It waits behind {filename} ({file}).", filename=first["filename"], file=first["file_id"])
    if others := len(earlier) - 1:
        sentence = tr(
            "It waits behind {filename} ({file}), and {count} more before it.",
            filename=first["filename"],
            file=first["file_id"],
            count=count(others),
        )
    if is_waiting(first):
        asks = tr("That one waits for an answer: {question}", question=question(first))
        return "\n".join([f"{sentence} {asks}", *ways_to_answer(first)])
    return f"{sentence} {tr('That one is: {state}.', state=word(first['status']))}"


def _blocks(file: FileView) -> bool:
    """A file whose day is in question lets the others pass."""
    if file["status"] in _FINISHED:
        return False
    return not (is_waiting(file) and file.get("confirmation_reason") == "future_date")
