"""Says what came in, and answers with any status asked for: what a gateway passed on can be read off it."""

import base64
from typing import Final

from dragoman.mocks.answer import Answer, Buffered, json_answer, plain_error
from dragoman.mocks.request import Request

MAX_ECHOED: Final = 1024 * 1024
"""Most bytes of a body that come back; its length and hash are always of the whole."""


def answer(request: Request, code: int = 200) -> Answer:
    """The request as JSON: the body as text (null if it is not UTF-8) and in base64."""
    body = request.body[:MAX_ECHOED]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = None
    return json_answer(
        {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "body": text,
            "body_base64": base64.b64encode(body).decode(),
            "body_length": request.body_length,
            "body_sha256": request.body_sha256,
            "truncated": request.body_length > len(body),
        },
        code,
    )


def status(request: Request) -> Answer:
    """The status named by the path; `status/204` and `status/304` without a body, `status/400/echo` with an echo."""
    echoes = request.rest[1:] == ("echo",)
    code = request.rest[0] if len(request.rest) == 1 or echoes else ""
    if not (code.isascii() and code.isdigit() and len(code) == 3 and 200 <= int(code) <= 599):
        return plain_error(400, "The path must be /status/CODE with a code from 200 to 599")
    if code in ("204", "205", "304"):
        return Buffered(int(code), (), b"")
    if echoes:
        return answer(request, int(code))
    return json_answer({"status": int(code)}, int(code))
