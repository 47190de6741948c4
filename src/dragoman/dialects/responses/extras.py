"""What a request says beside the neutral vocabulary, judged for a Responses upstream by the rows of `rows.py`.

Responses' own goes back where it stood, as its path says. Chat's `web_search_options` become the hosted tool, and
of its `stream_options` the padding is asked for in a stream; the rest of it is what every stream here does.
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman.dialects.mapping import Losses
from dragoman.dialects.responses import rows
from dragoman.turn import Extra

Body = dict[str, Any]
"""The body of a request being built; its values are JSON values."""

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def add(extras: tuple[Extra, ...], body: Body, losses: Losses) -> None:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER naming what cannot go."""
    for extra in extras:
        if extra.dialect == "responses":
            taken = _put_back(extra, body)
        else:
            taken = extra.dialect == "chat" and _add_chat(extra, body)
        if not taken:
            _judge(extra, body, losses)


def _judge(extra: Extra, body: Body, losses: Losses) -> None:
    row = rows.TABLE.judge(extra, rows.UNKNOWN)
    if row is None:
        return
    if row.fate == "same":
        body[extra.param] = extra.value
    elif row.fate == "dropped":
        losses.note(row, extra.param)
    else:
        losses.lack(row, extra.param)


def _add_chat(extra: Extra, body: Body) -> bool:
    if bytes(extra.value) == b"null":
        return True
    if extra.param == "web_search_options":
        body.setdefault("tools", []).append(_web_search(extra.value))
        return True
    if extra.param == "stream_options":
        options: Body = msgspec.json.decode(extra.value)
        if "include_obfuscation" in options and body.get("stream"):
            body["stream_options"] = {"include_obfuscation": options["include_obfuscation"]}
        return options.keys() <= {"include_obfuscation", "include_usage"}
    return False


def _web_search(value: Raw) -> Body:
    """Chat nests the place in `approximate`; here it lies flat beside its type."""
    options: Body = msgspec.json.decode(value)
    location = options.get("user_location")
    if isinstance(location, dict) and isinstance(location.get("approximate"), dict):
        options["user_location"] = {"type": location.get("type", "approximate"), **location["approximate"]}
    return {"type": "web_search", **options}


def _put_back(extra: Extra, body: Body) -> bool:
    """A member of our own dialect goes where its path says; False if there is no such place any more."""
    if extra.param == "include":
        body["include"] = [*body.get("include", []), *msgspec.json.decode(extra.value)]
        return True
    path: list[str | int] = [name or int(number) for name, number in _STEP.findall(extra.param)]
    if len(path) == 3 and path[0] == "tools" and path[2] == "type":
        body.setdefault("tools", []).insert(int(path[1]), extra.value)
        return True
    if len(path) > 1 and path[0] in body:
        body[str(path[0])] = msgspec.json.decode(msgspec.json.encode(body[str(path[0])]))
    return _place(body, path, extra.value)


def _place(body: Body, path: list[str | int], value: Raw) -> bool:
    at: Any = body
    for step in path[:-1]:
        if isinstance(step, str) and isinstance(at, dict):
            at = at.setdefault(step, {})
        elif isinstance(step, int) and isinstance(at, list) and step < len(at):
            at = at[step]
        else:
            return False
    if not isinstance(at, dict):
        return False
    at[path[-1]] = value
    return True
