"""The search for an answer of an upstream, and a caller, for which a property does not hold."""

from collections.abc import Callable
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.budget import share
from tests.fuzz.chat_upstream import chat_answers
from tests.fuzz.messages_upstream import messages_answers
from tests.fuzz.passages import ASKED, NAMES
from tests.fuzz.responses_upstream import responses_answers
from tests.fuzz.upstreams import Sent

CALLERS: Final = st.sampled_from([*ASKED, *NAMES])
ANSWERS: Final[dict[str, st.SearchStrategy[Sent]]] = {
    "chat": chat_answers(),
    "responses": responses_answers(),
    "messages": messages_answers(),
}
ANY_ANSWER: Final = st.one_of([st.tuples(st.just(name), answers) for name, answers in ANSWERS.items()])
"""An answer and the dialect of its upstream."""


def search(holds: Callable[..., None], back: str, *others: st.SearchStrategy[Any]) -> None:
    """Calls `holds` with a caller's dialect, an answer of an upstream of `back`, and one of each of `others`."""
    share(len(ANSWERS))(given(CALLERS, ANSWERS[back], *others)(holds))()
