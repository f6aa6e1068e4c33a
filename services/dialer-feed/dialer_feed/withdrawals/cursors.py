"""The cursors of a list's feed: which ones the list can have given."""

from chassis import FieldError, Invalid
from recobro_events import Row


class CursorOfAnotherList(Invalid):
    code = "cursor-of-another-list"
    detail = "The cursor is of another list. Read this list's entries again: they come with its cursor."


class CursorBeyondLast(Invalid):
    code = "cursor-beyond-last"
    detail = "There is no such withdrawal yet. Read the list's entries again: they come with its cursor."


def expect_own_cursor(of: Row, cursor: int, pointer: str) -> None:
    """Refuse a cursor that this list cannot have given. 0 means from the beginning.

    A list gives its base before its first withdrawal. A cursor beyond the last is of a newer list, or of a withdrawal
    that a restore has lost.
    """
    last: int = of["last_cursor"]
    if cursor > last:
        mistake = FieldError(pointer, f"must not lie beyond the last withdrawal, {last}")
        raise CursorBeyondLast(errors=[mistake], extra={"last": last})
    if 0 < cursor < of["cursor_base"]:
        mistake = FieldError(pointer, "must be a cursor of this list")
        raise CursorOfAnotherList(errors=[mistake], extra={"last": last})
