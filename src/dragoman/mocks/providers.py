"""The model providers by path: all at one base, each alone, and each dialect alone.

    /v1/*                      OpenAI, and Anthropic's /v1/messages
    /v1beta/*                  Google's Gemini
    /openai/v1/*  /anthropic/v1/*  /gemini/v1beta/*
    /only/{chat|responses|messages}/v1/*    one dialect and the list of models; all else is a 404

The last stand for upstreams that speak nothing else.
"""

from collections.abc import Sequence
from typing import Final

from dragoman.mocks.answer import Answer, openai_error, plain_error
from dragoman.mocks.anthropic import Anthropic
from dragoman.mocks.anthropic_wording import anthropic_error
from dragoman.mocks.gemini import Gemini, gemini_error
from dragoman.mocks.openai import OpenAI
from dragoman.mocks.request import Request
from dragoman.mocks.stamps import Stamps

PREFIXES: Final = ("v1", "v1beta", "openai", "anthropic", "gemini", "only")
_OPENAI_DIALECTS: Final = ("chat", "responses")


class Providers:
    """The providers, over one set of ids."""

    def __init__(self, stamps: Stamps, models: Sequence[str] = ()) -> None:
        self._openai = OpenAI(stamps, models)
        self._anthropic = Anthropic(stamps, models)
        self._gemini = Gemini(stamps, models)

    def answer(self, request: Request) -> Answer:
        """The answer to a request below one of `PREFIXES`."""
        match request.rest:
            case ("v1", "messages", *_):
                return self._anthropic.answer(request.below(1))
            case ("v1", *_):
                return self._openai.answer(request.below(1))
            case ("openai", "v1", *_):
                return self._openai.answer(request.below(2))
            case ("anthropic", "v1", *_):
                return self._anthropic.answer(request.below(2))
            case ("v1beta", *_):
                return self._gemini.answer(request.below(1))
            case ("gemini", "v1beta", *_):
                return self._gemini.answer(request.below(2))
            case ("only", "messages", "v1", *_):
                return self._anthropic.answer(request.below(3))
            case ("only", dialect, "v1", family, *_) if dialect in _OPENAI_DIALECTS and family in (dialect, "models"):
                return self._openai.answer(request.below(3))
            case ("only", dialect, *_) if dialect in _OPENAI_DIALECTS:
                return openai_error(404, f"Invalid URL ({request.method} {request.path})")
            case _:
                return plain_error(404, "Not found")

    def reset(self) -> None:
        """Forgets responses and cached prompts; files stay."""
        self._openai.reset()
        self._anthropic.reset()


def refusal(request: Request, status: int, message: str, code: str) -> Answer:
    """An error of the mock's own, in the words of the API that was called."""
    if request.rest[:1] in (("v1beta",), ("gemini",)):
        return gemini_error(status, message)
    messages = request.rest[:2] in (("v1", "messages"), ("only", "messages")) or request.rest[:1] == ("anthropic",)
    return anthropic_error(status, message) if messages else openai_error(status, message, code=code)
