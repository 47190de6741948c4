"""What a request says beside the neutral vocabulary, judged for a Chat upstream.

dialect    parameter                       here
---------  ------------------------------  ------------------------------------------
chat       all                             the same
responses  prompt_cache_options,           the same
           prompt_cache_retention,
           moderation
responses  the tool `web_search`           `web_search_options`, where the profile has them
messages   cache_control, wherever         nothing, with a loss: the upstream caches by itself
any        null, [], {}, and defaults      nothing: it is what is done anyway
any        anything else                   refused, or left out where the profile says
"""

from typing import Final

import msgspec

from dragoman.dialects.chat.members import Body, absent, invalid, refuse
from dragoman.dialects.profile import Profile
from dragoman.turn import Extra, Loss, Turn
from dragoman.wire.chat import Fields

_SAME: Final = frozenset(("prompt_cache_options", "prompt_cache_retention", "moderation"))
_EMPTY: Final = (b"null", b"[]", b"{}")
_VACUOUS: Final = {
    "include": b'["reasoning.encrypted_content"]',  # whatever is sealed here
    "truncation": b'"disabled"',
    "background": b"false",
    "reasoning.mode": b'"standard"',
    "reasoning.context": b'"auto"',
}
_WEB_SEARCH: Final = frozenset(
    ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")
)
_PLACE: Final = frozenset(("city", "country", "region", "timezone"))
# What is inside of a value that was kept raw is looked at no further than needed: a number in it may be out of
# every range.
_members: Final = msgspec.json.Decoder(Fields)


def add(turn: Turn, body: Body, profile: Profile, losses: list[Loss]) -> None:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER naming what cannot go."""
    for extra in turn.extras:
        if extra.dialect == "chat":
            _put_back(extra, body)
        elif extra.dialect == "responses" and extra.param in _SAME:
            body[extra.param] = extra.value
        elif not (
            _says_nothing(extra)
            or _is_lost(extra, losses)
            or (profile.web_search and _search(extra, turn, body, losses))
        ):
            leave_out(extra.param, profile, losses)


def _is_lost(extra: Extra, losses: list[Loss]) -> bool:
    """Whether it asks for something on which no answer depends; the loss is noted."""
    if extra.dialect == "messages" and extra.param.rpartition(".")[2] == "cache_control":
        losses.append(Loss(extra.param, "dropped", "the upstream caches by itself"))
        return True
    return False


def leave_out(param: str, profile: Profile, losses: list[Loss]) -> None:
    """Refuses a parameter that the upstream does not know, or notes its loss where the profile allows that."""
    if not profile.allow_unknown:
        raise refuse(param, f"The parameter {param!r} cannot be sent to this upstream.")
    losses.append(Loss(param, "dropped", "the upstream does not know it"))


def _put_back(extra: Extra, body: Body) -> None:
    if extra.param == "stream_options":
        if body.get("stream"):
            body["stream_options"] = _members.decode(extra.value) | body.get("stream_options", {})
    elif not absent(extra.value):
        body[extra.param] = extra.value


def _says_nothing(extra: Extra) -> bool:
    value = bytes(extra.value)
    return value in _EMPTY or value == _VACUOUS.get(extra.param)


def _search(extra: Extra, turn: Turn, body: Body, losses: list[Loss]) -> bool:
    """The hosted tool as options, whose place is nested; False for another tool, or for what they cannot say."""
    if extra.dialect != "responses" or not extra.param.endswith("].type"):
        return False
    options: Body = {**_members.decode(extra.value)}
    kind, place = options.pop("type"), options.pop("user_location", None)
    if bytes(kind).decode().strip('"') not in _WEB_SEARCH or options.keys() - {"search_context_size"}:
        return False
    if turn.max_tool_calls is not None:
        raise refuse("max_tool_calls", "How often this upstream searches the web cannot be bounded.")
    if not absent(place):
        given = _place(place, extra.param)
        options["user_location"] = {"type": "approximate", "approximate": given}
    body["web_search_options"] = options
    losses.append(Loss(extra.param, "mapped", "the upstream searches the web for every answer"))
    return True


def _place(value: msgspec.Raw, at: str) -> Fields:
    try:
        members = _members.decode(value)
    except msgspec.ValidationError:
        param = at.removesuffix("type") + "user_location"
        raise invalid(param, f"'{param}' must be an object.") from None
    return {name: member for name, member in members.items() if name in _PLACE and not absent(member)}
