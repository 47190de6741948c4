"""What a request says beside the neutral vocabulary, judged for a Chat upstream.

dialect    parameter                       here
---------  ------------------------------  ------------------------------------------
chat       all                             the same
responses  prompt_cache_options,           the same
           prompt_cache_retention,
           moderation
responses  the tool `web_search`           `web_search_options`, where the profile has them
any        null, [], {}, and defaults      nothing: it is what is done anyway
any        anything else                   refused, or left out where the profile says
"""

from typing import Any, Final

import msgspec

from dragoman.dialects.chat.members import Body, refuse
from dragoman.dialects.profile import Profile
from dragoman.turn import Extra, Loss, Turn

_SAME: Final = frozenset(("prompt_cache_options", "prompt_cache_retention", "moderation"))
_EMPTY: Final = (b"null", b"[]", b"{}")
_VACUOUS: Final[dict[str, Any]] = {
    "truncation": "disabled",
    "background": False,
    "reasoning.mode": "standard",
    "reasoning.context": "auto",
}
_WEB_SEARCH: Final = frozenset(
    ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")
)
_PLACE: Final = frozenset(("city", "country", "region", "timezone"))


def add(turn: Turn, body: Body, profile: Profile, losses: list[Loss]) -> None:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER naming what cannot go."""
    for extra in turn.extras:
        if extra.dialect == "chat":
            _put_back(extra, body)
        elif extra.dialect == "responses" and extra.param in _SAME:
            body[extra.param] = extra.value
        elif not _says_nothing(extra) and not (profile.web_search and _search(extra, turn, body, losses)):
            leave_out(extra.param, profile, losses)


def leave_out(param: str, profile: Profile, losses: list[Loss]) -> None:
    """Refuses a parameter that the upstream does not know, or notes its loss where the profile allows that."""
    if not profile.allow_unknown:
        raise refuse(param, f"The parameter {param!r} cannot be sent to this upstream.")
    losses.append(Loss(param, "dropped", "the upstream does not know it"))


def _put_back(extra: Extra, body: Body) -> None:
    value: Any = msgspec.json.decode(extra.value)
    if extra.param == "stream_options" and isinstance(value, dict):
        if body.get("stream"):
            body["stream_options"] = value | body.get("stream_options", {})
    elif value is not None:
        body[extra.param] = extra.value


def _says_nothing(extra: Extra) -> bool:
    if bytes(extra.value) in _EMPTY:
        return True
    return extra.param in _VACUOUS and bool(msgspec.json.decode(extra.value) == _VACUOUS[extra.param])


def _search(extra: Extra, turn: Turn, body: Body, losses: list[Loss]) -> bool:
    """The hosted tool as options, whose place is nested; False for another tool, or for what they cannot say."""
    if extra.dialect != "responses" or not extra.param.endswith("].type"):
        return False
    tool: Body = msgspec.json.decode(extra.value)
    place = tool.pop("user_location", None)
    if tool.pop("type") not in _WEB_SEARCH or tool.keys() - {"search_context_size"}:
        return False
    if turn.max_tool_calls is not None:
        raise refuse("max_tool_calls", "How often this upstream searches the web cannot be bounded.")
    options: Body = dict(tool)
    if isinstance(place, dict):
        named = {name: value for name, value in place.items() if name in _PLACE and value is not None}
        options["user_location"] = {"type": "approximate", "approximate": named}
    body["web_search_options"] = options
    losses.append(Loss(extra.param, "mapped", "the upstream searches the web for every answer"))
    return True
