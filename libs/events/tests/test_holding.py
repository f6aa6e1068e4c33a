"""What a member holds of the log: no log and no database are needed to tell."""

from uuid import UUID, uuid4

import pytest
from recobro_events._errors import LogReplaced, TopicPartition
from recobro_events._log.transport import Record
from recobro_events._subscription.holding import Holding
from recobro_events._subscription.positions import Move, Position

HERE, THERE = TopicPartition("publisher.events", 0), TopicPartition("publisher.events", 1)


def event(offset: int) -> UUID:
    return UUID(int=offset)


def records(place: TopicPartition, *offsets: int) -> list[Record]:
    return [Record(*place, offset, b"{}", {"ce_id": str(event(offset))}) for offset in offsets]


def owned_at(next_offset: int, *, start: int = 0) -> Holding:
    """Both partitions are assigned, ``HERE`` is owned; behind its position the log reaches back to ``start``."""
    holding = Holding("dining-room.events")
    holding.assign([HERE, THERE])
    holding.own(HERE, Position(uuid4(), next_offset, str(event(next_offset - 1))), start)
    return holding


def test_what_is_assigned_is_to_be_claimed_until_it_is_owned() -> None:
    holding = owned_at(5)
    assert holding.due() == [THERE]
    assert not holding.is_complete
    holding.own(THERE, Position(uuid4(), 0, None), 0)
    assert holding.due() == []
    assert holding.is_complete


def test_what_was_taken_away_is_not_claimed_any_more() -> None:
    holding = owned_at(5)
    holding.unassign([HERE, THERE])
    assert holding.due() == []
    assert holding.owned == [HERE], "the batch under way has to know its positions"
    holding.disown([HERE, THERE])
    assert holding.owned == []
    assert holding.proven(records(HERE, 5)) == []


def test_what_is_given_up_is_claimed_again_if_it_is_still_assigned_and_not_before_its_time() -> None:
    holding = owned_at(5)
    holding.give_up([HERE, THERE], 60.0)
    assert (holding.owned, holding.due()) == ([], [])
    holding.unassign([THERE])
    holding.give_up([HERE, THERE], 0.0)
    assert holding.due() == [HERE]


def test_the_record_before_the_position_shows_whose_log_it_is_and_is_not_applied_again() -> None:
    holding = owned_at(5)
    assert holding.read_from(HERE) == 4
    assert holding.proven(records(HERE, 4, 5)) == records(HERE, 5)
    assert holding.read_from(HERE) == 5
    assert holding.proven(records(HERE, 3, 4, 5, 6)) == records(HERE, 5, 6), "what is before the position was applied"


def test_another_record_before_the_position_is_another_log() -> None:
    holding = owned_at(5)
    [record] = records(HERE, 4)
    with pytest.raises(LogReplaced):
        holding.proven([record._replace(headers={"ce_id": str(uuid4())})])


def test_where_the_log_does_not_reach_back_nothing_has_to_be_shown() -> None:
    assert owned_at(5, start=5).read_from(HERE) == 5


def test_what_is_passed_over_counts_as_read_and_the_database_is_told_of_it_once() -> None:
    holding = owned_at(5, start=5)
    holding.pass_over(holding.moves(records(HERE, 5, 6)))
    assert holding.progress == {HERE: 7}
    further = holding.moves(records(HERE, 7))
    assert further[HERE].position.next_offset == 5, "a move begins where the database stands"
    holding.moved(further)
    assert (holding.progress, holding.passed) == ({HERE: 8}, {})


def test_a_batch_that_ends_after_its_partition_was_disowned_does_not_bring_it_back() -> None:
    holding = owned_at(5, start=5)
    moves = holding.moves(records(HERE, 5))
    holding.disown([HERE])
    holding.moved(moves)
    assert holding.owned == []


def test_what_is_owned_is_told_with_its_tokens_and_nothing_is_left_at_the_end() -> None:
    holding, token = owned_at(5), uuid4()
    holding.own(THERE, Position(token, 3, str(event(2))), 3)
    holding.pass_over({THERE: Move(Position(token, 3, None), 4, "")})
    assert holding.tokens([THERE]) == {THERE: token}
    holding.clear()
    assert (holding.assigned, holding.owned, holding.passed, holding.due()) == (frozenset(), [], {}, [])
