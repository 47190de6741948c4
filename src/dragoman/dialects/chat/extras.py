"""What a request says beside the neutral vocabulary, judged for a Chat upstream by the rows of `rows.py`.

Chat's own goes back where it stood. A hosted web search becomes `web_search_options`, where the profile has them;
what of `include` is left for an upstream to serve is looked at value by value.
"""

from typing import Final

import msgspec

from dragoman.dialects.chat import rows
from dragoman.dialects.chat.members import Body, absent, invalid
from dragoman.dialects.mapping import Losses
from dragoman.dialects.profile import Profile
from dragoman.turn import Extra, Turn
from dragoman.wire.chat import Fields

_WEB_SEARCH: Final = frozenset(
    ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")
)
_PLACE: Final = frozenset(("city", "country", "region", "timezone"))
_SEALED: Final = "reasoning.encrypted_content"
# What is inside of a value that was kept raw is looked at no further than needed: a number in it may be out of
# every range.
_members: Final = msgspec.json.Decoder(Fields)
_included: Final = msgspec.json.Decoder(list[str]).decode


def add(turn: Turn, body: Body, profile: Profile, losses: Losses) -> None:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER naming what cannot go."""
    for extra in turn.extras:
        if extra.dialect == "chat" and "." not in extra.param:
            _put_back(extra, body)
        elif extra.dialect == "responses" and extra.param == "include":
            _include(extra, losses)
        elif not (profile.web_search and _search(extra, turn, body, losses)):
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


def _put_back(extra: Extra, body: Body) -> None:
    if extra.param == "stream_options":
        if body.get("stream"):
            body["stream_options"] = _members.decode(extra.value) | body.get("stream_options", {})
    elif not absent(extra.value):
        body[extra.param] = extra.value


def _include(extra: Extra, losses: Losses) -> None:
    included = _included(extra.value)
    if any(value != _SEALED for value in included):
        losses.lack(rows.NO_HOSTED_OUTPUT)


def _search(extra: Extra, turn: Turn, body: Body, losses: Losses) -> bool:
    """The hosted tool as options, whose place is nested; False for another tool, or for what they cannot say."""
    if extra.dialect != "responses" or not extra.param.endswith("].type"):
        return False
    options: Body = {**_members.decode(extra.value)}
    kind, place = options.pop("type"), options.pop("user_location", None)
    if bytes(kind).decode().strip('"') not in _WEB_SEARCH or options.keys() - {"search_context_size"}:
        return False
    if turn.max_tool_calls is not None:
        raise losses.refuse(rows.SEARCHES_UNBOUNDED)
    if not absent(place):
        given = _place(place, extra.param)
        options["user_location"] = {"type": "approximate", "approximate": given}
    body["web_search_options"] = options
    losses.note(rows.SEARCHES, extra.param)
    return True


def _place(value: msgspec.Raw, at: str) -> Fields:
    try:
        members = _members.decode(value)
    except msgspec.ValidationError:
        param = at.removesuffix("type") + "user_location"
        raise invalid(param, f"'{param}' must be an object.") from None
    return {name: member for name, member in members.items() if name in _PLACE and not absent(member)}
