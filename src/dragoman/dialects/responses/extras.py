"""What another dialect's request says beside the neutral vocabulary, judged for a Responses upstream.

dialect    parameter                       here
---------  ------------------------------  ------------------------------------------
chat       prompt_cache_options,           the same
           prompt_cache_retention,
           moderation
chat       stream_options                  `include_obfuscation` the same, the rest of
                                           it is what every stream here does
chat       web_search_options              the tool `web_search`
chat       modalities ["text"], and other  nothing: it is what is done anyway
           defaults
messages   cache_control, wherever         nothing: the upstream caches by itself
responses  all                             where it stood
any        null, [], {}                    nothing
any        anything else                   refused, or left out where the profile says
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman.dialects.profile import Profile
from dragoman.dialects.responses.members import refuse
from dragoman.turn import Extra, Loss

Body = dict[str, Any]
"""The body of a request being built; its values are JSON values."""

_SAME: Final = frozenset(("prompt_cache_options", "prompt_cache_retention", "moderation"))
_EMPTY: Final = (b"null", b"[]", b"{}")
_VACUOUS: Final[dict[tuple[str, str], Any]] = {
    ("chat", "modalities"): ["text"],
    ("chat", "n"): 1,
    ("chat", "store"): False,
    ("messages", "service_tier"): "auto",
}
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def add(extras: tuple[Extra, ...], body: Body, profile: Profile, losses: list[Loss]) -> None:
    """Raises `GatewayError` UNSUPPORTED_PARAMETER naming what cannot go."""
    for extra in extras:
        match extra.dialect:
            case "responses":
                taken = _put_back(extra, body)
            case "chat":
                taken = _add_chat(extra, body)
            case "messages":
                taken = extra.param.rpartition(".")[2] == "cache_control"
                if taken:
                    losses.append(Loss(extra.param, "dropped", "the upstream caches by itself"))
        if not taken and not _vacuous(extra):
            _leave_out(extra, profile, losses)


def _vacuous(extra: Extra) -> bool:
    if bytes(extra.value) in _EMPTY:
        return True
    default = _VACUOUS.get((extra.dialect, extra.param))
    return default is not None and bool(msgspec.json.decode(extra.value) == default)


def _leave_out(extra: Extra, profile: Profile, losses: list[Loss]) -> None:
    if not profile.allow_unknown:
        raise refuse(extra.param, f"The parameter {extra.param!r} cannot be sent to this upstream.")
    losses.append(Loss(extra.param, "dropped", "the upstream does not know it"))


def _add_chat(extra: Extra, body: Body) -> bool:
    if bytes(extra.value) == b"null":
        return True
    if extra.param in _SAME:
        body[extra.param] = extra.value
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
