"""Lists by arithmetic must equal the same lists made by sorting everything."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pandabase_django.sandbox.control.changes import apply_changes
from pandabase_django.sandbox.seed.lifecycle import ORDER_STATUSES, Lifecycle, Slot
from pandabase_django.sandbox.seed.timeline import Timeline, iso
from pandabase_django.sandbox.settings import Settings
from pandabase_django.sandbox.store.state import StoreState, WorldSize


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1300), st.sampled_from(ORDER_STATUSES))
def test_a_selection_equals_the_filtered_range(total: int, status: str) -> None:
    lifecycle = Lifecycle(total)

    def wanted(slot: Slot) -> bool:
        return slot.status == status

    expected = [index for index in range(total) if wanted(lifecycle.slot(index))]
    selection = lifecycle.select(wanted)
    assert [selection.at(rank) for rank in range(selection.count)] == expected
    for index in range(0, total + 1, 7):
        assert selection.rank_of(index) == sum(member < index for member in expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4000))
def test_creation_times_ascend_and_can_be_looked_up(total: int) -> None:
    timeline = Timeline(total)
    times = [timeline.created_ms(index) for index in range(total)]
    assert times == sorted(times)
    if total > 6:
        assert len(set(times)) < total, "some orders share a millisecond"
    for ms in times[:: max(1, total // 20)]:
        assert timeline.count_until(ms) == sum(moment <= ms for moment in times)


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("status"), st.integers(0, 699), st.sampled_from(ORDER_STATUSES)),
        st.tuples(st.just("move"), st.integers(0, 699), st.integers(0, 699)),
        st.tuples(st.just("hide"), st.integers(0, 699), st.just(0)),
        st.tuples(st.just("create"), st.integers(0, 699), st.sampled_from(ORDER_STATUSES)),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(CHANGES, st.sampled_from([None, *ORDER_STATUSES]))
def test_a_changed_list_equals_the_sorted_list(changes: list, status: str | None) -> None:
    state = StoreState(WorldSize(seed=2, products=5, orders=700))
    for kind, index, value in changes:
        if kind == "status":
            change = {"op": "set_order_status", "index": index, "status": value}
        elif kind == "move":
            moment = iso(state.timeline.created_ms(value))
            change = {"op": "edit_order", "index": index, "fields": {"createdAt": moment}}
        elif kind == "hide":
            change = {"op": "hide_order", "index": index}
        else:
            moment = iso(state.timeline.created_ms(index))
            change = {"op": "create_order", "status": value, "fields": {"createdAt": moment}}
        apply_changes(state, [change], settings=Settings())
    expected = []
    for index in state.orders.every_index():
        record = state.orders.find(index)
        assert record is not None
        if not record.hidden and status in (None, record.payload["status"]):
            expected.append((record.payload["createdAt"], index))
    sequence = state.orders.sequence(
        "test",
        slots=lambda slot: status in (None, slot.status),
        records=lambda record: status in (None, record.payload["status"]),
    )
    found = list(sequence.window(0, sequence.count + 5, newest_first=False))
    assert sorted(found) == sorted(index for _, index in expected)
    times = {index: moment for moment, index in expected}
    assert [times[index] for index in found] == sorted(times.values())
    assert list(sequence.window(0, sequence.count, newest_first=True)) == found[::-1]
