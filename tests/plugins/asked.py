"""Events to ask plugins with."""

from typing import Any

from dragoman.policy.plugins import Request, Response


def request(**members: Any) -> Request:
    plain: dict[str, Any] = {"alias": "a", "method": "POST", "path": "/x", "length": 0, "body": b"", "request_id": "r"}
    return Request(**plain | members)


def response(**members: Any) -> Response:
    plain: dict[str, Any] = {"request": request(), "status": 200, "length": 0, "body": b""}
    return Response(**plain | members)
