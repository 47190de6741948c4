import pytest

from dragoman import errors
from dragoman.policy.plugins import Chain, Reject, failed, joined, plugin_id, rejection, split_id


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "invalid_request"), (401, "auth_failed"), (403, "permission_denied"), (413, "payload_too_large"),
     (502, "protocol_error"), (418, "plugin_rejected"), (599, "plugin_rejected")],
)  # fmt: skip
def test_a_rejection_is_the_row_of_its_status_and_names_plugin_and_reason(status: int, code: str) -> None:
    error = rejection("p", Reject(status, "WHY", "Because."))
    assert (error.kind.status, error.kind.code, error.message) == (status, code, "Because.")
    assert error.extra == {"plugin": "p", "reason": "WHY"}


@pytest.mark.parametrize("status", [0, 200, 399, 600])
def test_a_rejection_has_a_status_of_an_error(status: int) -> None:
    with pytest.raises(ValueError, match=str(status)):
        rejection("p", Reject(status, "WHY", "Because."))


def test_a_plugin_that_fails_is_a_500_and_one_that_authenticates_a_401() -> None:
    assert failed("p", "guard").kind is failed("p", "transform").kind is errors.PLUGIN_FAILED
    assert failed("p", "auth").kind is errors.AUTH_FAILED


def test_an_id_has_kind_and_name_and_a_name_has_no_kind() -> None:
    assert plugin_id("guard", "x") == "gts.cf.core.oagw.guard_plugin.v1~x"
    assert split_id(plugin_id("transform", "x")) == ("transform", "x")
    assert split_id("x") == (None, "x")
    assert split_id("gts.cf.core.oagw.upstream.v1~x") == (None, "gts.cf.core.oagw.upstream.v1~x")


def test_none_joined_with_none_is_none() -> None:
    chain = Chain()
    assert joined(None, None) is None
    assert joined(None, chain) is joined(chain, None) is chain
