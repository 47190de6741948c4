from dragoman.dialects.responses.begun_items import BegunItems
from dragoman.dialects.responses.given_items import GivenItem
from dragoman.wire import responses as wire


def begun(number: int, *, id: str = "", call_id: str = "", kind: str = "function_call") -> GivenItem:
    item = GivenItem(kind, number)
    item.begin(wire.GivenItem(type=kind, id=id, call_id=call_id))
    return item


def known(*, id: str | None = None, call_id: str | None = None, kind: str = "function_call") -> wire.GivenItem:
    return wire.GivenItem(type=kind, id=id, call_id=call_id)


def test_an_item_is_taken_by_its_id_or_its_call() -> None:
    a, b, c = begun(0, id="fc_a"), begun(1, call_id="b"), begun(2, id="fc_c", call_id="c")
    items = BegunItems([a, b, c])
    assert items.take(known(call_id="c"), [a]) is c
    assert items.take(known(id="fc_x", call_id="b"), [a]) is b
    assert items.take(known(id="fc_a"), []) is a


def test_the_first_of_several_with_one_name_is_taken_first_and_each_once() -> None:
    a, b = begun(0, id="same", call_id="a"), begun(1, id="same", call_id="b")
    items = BegunItems([a, b])
    assert items.take(known(id="same", call_id="b"), []) is a
    assert items.take(known(id="same", call_id="b"), []) is b
    assert items.take(known(id="same", call_id="b"), [a, b]) is None


def test_an_item_of_no_known_name_is_the_one_at_its_place_if_that_is_of_its_kind() -> None:
    a, b = begun(0, kind="message"), begun(1)
    items = BegunItems([a, b])
    assert items.take(known(), [None, a]) is None
    assert items.take(known(kind="message", id="msg_1"), [None, b, a]) is a
    assert items.take(known(kind="message"), [a]) is None
