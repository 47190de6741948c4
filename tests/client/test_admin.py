import msgspec
import pytest

from dragoman.client import admin
from dragoman.policy.keys import Key
from dragoman.ports import LedgerRow, Reservation, Settlement, UsageTotal


def test_the_token_of_a_new_key_is_not_shown() -> None:
    made = admin.NewKey(admin.Key(id="key_1", name="ci", hint="wxyz"), "drg_secret_wxyz")
    assert "secret" not in repr(made)
    assert "wxyz" in repr(made)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (Key, admin.Key),
        (UsageTotal, admin.UsageTotal),
        (Reservation, admin.Reservation),
        (Settlement, admin.Settlement),
        (LedgerRow, admin.LedgerRow),
    ],
)
def test_no_member_is_read_that_the_gateway_does_not_write(theirs: type, ours: type[msgspec.Struct]) -> None:
    assert set(ours.__struct_fields__) <= set(theirs.__annotations__)
