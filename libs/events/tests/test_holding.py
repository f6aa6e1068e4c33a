"""The partitions that a member owns: ``Holding`` needs no log and no database."""

from uuid import UUID, uuid4

import pytest
from recobro_events._applying.positions import Move, Position
from recobro_events._errors import LogReplaced, TopicPartition
from recobro_events._log.transport import Record
from recobro_events._subscription.holding import Holding

HERE, THERE = TopicPartition("publisher.events", 0), TopicPartition("publisher.events", 1)


def event(offset: int) -> UUID:
    return UUID(int=offset)


def records(place: TopicPartition, *offsets: int) -> list[Record]:
    return [Record(*place, offset, b"{}", {"ce_id": str(event(offset))}) for offset in offsets]


def owned_at(next_offset: int, *, start: int = 0) -> Holding:
    """Both partitions are assigned, ``HERE`` is owned; the log holds its records from ``start`` on."""
    holding = Holding("subscriber.events")
    holding.assign([HERE, THERE])
    holding.own(HERE, Position(uuid4(), next_offset, str(event(next_offset - 1))), start)
    return holding


def test_an_assigned_partition_is_due_until_it_is_owned() -> None:
    holding = owned_at(5)
    assert holding.due() == [THERE]
    assert not holding.is_complete
    holding.own(THERE, Position(uuid4(), 0, None), 0)
    assert holding.due() == []
    assert holding.is_complete


def test_a_revoked_partition_is_not_claimed_any_more() -> None:
    holding = owned_at(5)
    holding.unassign([HERE, THERE])
    assert holding.due() == []
    assert holding.owned == [HERE], "the batch under way still needs its positions"
    holding.disown([HERE, THERE])
    assert holding.owned == []
    assert holding.proven(records(HERE, 5)) == []


def test_a_partition_given_up_is_claimed_again_later_if_it_is_still_assigned() -> None:
    holding = owned_at(5)
    holding.give_up([HERE, THERE], 60.0)
    assert (holding.owned, holding.due()) == ([], [])
    holding.unassign([THERE])
    holding.give_up([HERE, THERE], 0.0)
    assert holding.due() == [HERE]


def test_the_record_before_the_position_verifies_the_log_and_is_not_applied_again() -> None:
    holding = owned_at(5)
    assert holding.read_from(HERE) == 4
    assert holding.proven(records(HERE, 4, 5)) == records(HERE, 5)
    assert holding.read_from(HERE) == 5
    assert holding.proven(records(HERE, 3, 4, 5, 6)) == records(HERE, 5, 6), "records before the position were applied"


def test_another_record_before_the_position_means_a_replaced_log() -> None:
    holding = owned_at(5)
    [record] = records(HERE, 4)
    with pytest.raises(LogReplaced):
        holding.proven([record._replace(headers={"ce_id": str(uuid4())})])


def test_a_log_that_does_not_reach_back_is_not_verified() -> None:
    assert owned_at(5, start=5).read_from(HERE) == 5


def test_skipped_records_count_as_read_and_are_saved_once() -> None:
    holding = owned_at(5, start=5)
    holding.pass_over(holding.moves(records(HERE, 5, 6)))
    assert holding.progress == {HERE: 7}
    further = holding.moves(records(HERE, 7))
    assert further[HERE].position.next_offset == 5, "a move begins at the position in the database"
    holding.moved(further)
    assert (holding.progress, holding.passed) == ({HERE: 8}, {})


def test_a_batch_that_ends_after_its_partition_was_disowned_does_not_own_it_again() -> None:
    holding = owned_at(5, start=5)
    moves = holding.moves(records(HERE, 5))
    holding.disown([HERE])
    holding.moved(moves)
    assert holding.owned == []


def test_tokens_are_those_of_owned_partitions_and_clear_leaves_nothing() -> None:
    holding, token = owned_at(5), uuid4()
    holding.own(THERE, Position(token, 3, str(event(2))), 3)
    holding.pass_over({THERE: Move(Position(token, 3, None), 4, "")})
    assert holding.tokens([THERE]) == {THERE: token}
    holding.clear()
    assert (holding.assigned, holding.owned, holding.passed, holding.due()) == (frozenset(), [], {}, [])
