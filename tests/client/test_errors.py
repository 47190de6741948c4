import pytest

from dragoman import errors as rows
from dragoman.client import errors
from dragoman.client.errors import GatewayError, gateway_error


@pytest.mark.parametrize("kind", rows.TABLE, ids=lambda kind: kind.code)
def test_every_error_of_the_gateway_has_a_class_that_says_more_than_its_root(kind: rows.ErrorKind) -> None:
    for status in (kind.status, kind.outbound_status or kind.status):
        assert gateway_error(status, kind.code) is not GatewayError


def test_every_code_a_class_names_is_one_of_the_gateways() -> None:
    known = {kind.code for kind in rows.TABLE}
    assert set(errors._BY_CODE) <= known


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "missing_api_key", errors.AuthenticationFailed),
        (403, "invalid_api_key", errors.AuthenticationFailed),
        (403, "permission_denied", errors.PermissionDenied),
        (404, "route_not_found", errors.AliasNotFound),
        (404, "model_not_found", errors.ModelNotFound),
        (404, "", errors.NotFound),
        (413, "payload_too_large", errors.PayloadTooLarge),
        (429, "rate_limit_exceeded", errors.RateLimited),
        (502, "downstream_error", errors.UpstreamUnreachable),
        (503, "a_code_of_tomorrow", errors.Unavailable),
        (504, "idle_timeout", errors.UpstreamTimeout),
        (418, "", GatewayError),
    ],
)
def test_a_class_is_found_by_the_code_else_by_the_status(status: int, code: str, kind: type[GatewayError]) -> None:
    assert gateway_error(status, code) is kind


def test_the_tree_is_the_one_in_its_documentation() -> None:
    tree = errors.__doc__ or ""
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.ClientError) and not issubclass(kind, GatewayError):
            assert name in tree.split(), name


def test_a_timeout_is_a_timeout_to_those_who_know_only_the_language() -> None:
    with pytest.raises(TimeoutError, match=r"timeouts\.idle"):
        raise errors.CallTimeout("idle")
