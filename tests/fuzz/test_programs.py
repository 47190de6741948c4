"""Whatever is said reaches a program as words alone; whatever it writes is told by the rules of `turn.py`."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.bridge import CODECS
from dragoman.dialects.commands.base import Adapter, Output, Run
from dragoman.dialects.commands.table import ADAPTERS
from dragoman.dialects.folding import fold
from dragoman.dialects.profile import Profile
from dragoman.errors import GatewayError
from dragoman.turn import Event, Failed, Format, Item, Opened, Stopped, TextDelta, Turn, Usage, Used
from tests.dialects.commands import claude_transcripts as claude
from tests.dialects.commands import codex_transcripts as codex
from tests.dialects.commands import gemini_transcripts as gemini
from tests.dialects.commands.asked import OPENED, settings, user
from tests.fuzz.budget import BUDGET, SECONDS, share
from tests.fuzz.mutations import CHANGES, ODD, Change, Mutation, mutate, mutations, warp
from tests.fuzz.turns import more_turns, turns
from tests.wire.cuts import PLACES, Parts, at_places

pytestmark = pytest.mark.timeout(SECONDS)
_SLIPS: Final[st.SearchStrategy[list[Mutation]]] = (
    st.just([]) | st.just([]) | mutations([*ODD, b"\n", b"\r\n", b"{", b"}"])
)
_CODES: Final = st.sampled_from([0, 0, 0, 1, 42, 53, 145, 173, 244, -9])
_STDERR: Final = st.sampled_from([b"", b"boom", b"\xff" * 50, f"noise\n{gemini.REPORT}".encode()])
_RUNS: Final = st.sampled_from([Run(), Run(session="0-1", spent=Usage(10, 20, 5, cost_usd=0.001))])
Lines = Callable[..., bytes]
Writes = st.SearchStrategy[list[bytes]]


def written(to_bytes: Lines, *transcripts: list[dict[str, Any]]) -> Writes:
    """Lines of the transcripts: one of them whole, or any of all of them in any order."""
    whole = [[to_bytes(line) for line in transcript] for transcript in transcripts]
    every = [line for transcript in whole for line in transcript] + [b"plain text\n", b"\n"]
    return st.sampled_from(whole) | st.lists(st.sampled_from(every), max_size=12)


_CAPPED: Final = [
    claude.INIT,
    claude.begin(),
    claude.text("half"),
    claude.result(None, subtype="error_max_turns", is_error=True),
]
_BROKEN: Final = [claude.INIT, claude.refused(429, "no more"), claude.result("{}", structured_output={"a": 1})]
PROGRAMS: Final[list[tuple[str, Output, Writes]]] = [
    ("claude-cli", "stream-json",
     written(claude.lines, claude.PARTIAL, claude.MESSAGES, claude.TOOLS, _CAPPED, _BROKEN)),
    ("codex-cli", "json", written(codex.lines, codex.WHOLE, [codex.STARTED, *codex.failed("last status: 429 x")])),
    ("gemini-cli", "stream-json", written(gemini.lines, gemini.WHOLE, [gemini.INIT, gemini.failed(gemini.REFUSED)])),
    ("gemini-cli", "json", st.just([line + b"\n" for line in gemini.DOCUMENT.split(b"\n")])),
    ("text", "text", st.lists(st.binary(max_size=9), max_size=9)),
]  # fmt: skip


def warped(lines: list[bytes], changes: list[Change]) -> bytes:
    out = list(lines)
    for deed, number, path, odd in changes:
        if out:
            at = number % len(out)
            match deed:
                case "drop":
                    del out[at]
                case "repeat":
                    out.insert(at, out[at])
                case "swap":
                    out[at], out[-1 - at] = out[-1 - at], out[at]
                case _:
                    out[at] = warp(out[at], deed, path, odd) + b"\n"
    return b"".join(out)


class Heard:
    """What one run was told as, the pieces of a text joined."""

    def __init__(self, adapter: Adapter, asked: Turn, output: Output, run: Run, max_line: int) -> None:
        given = settings(output, show_tools=True, max_line=max_line)
        self._reader = adapter.reader(asked, given, run, OPENED)
        self.events: list[Event] = []

    def read(self, parts: Parts, code: int, stderr: bytes) -> "Heard":
        for part in parts:
            self.events += self._reader.receive(part)
        self.events += [*self._reader.eof(), *self._reader.exited(code, stderr)]
        assert self._reader.done and not self._reader.receive(b"late\n") and not self._reader.eof()
        return self

    @property
    def outcome(self) -> object:
        return self.events, self._reader.failure and self._reader.failure.message, self._reader.facts

    def keeps_the_rules(self) -> None:
        events = self.events
        assert isinstance(events[0], Opened) and sum(isinstance(event, Opened) for event in events) == 1
        assert isinstance(events[-1], (Stopped, Failed))
        assert not any(isinstance(event, (Stopped, Failed)) for event in events[:-1])
        assert sum(isinstance(event, Used) for event in events) <= 1
        assert all(event.text for event in events if isinstance(event, TextDelta))
        failed = isinstance(events[-1], Failed)
        assert failed is (self._reader.failure is not None)
        if failed:
            with pytest.raises(GatewayError):
                fold(events)
        else:
            assert fold(events).items  # never an empty answer


@pytest.mark.parametrize(
    ("name", "output", "writes"), PROGRAMS, ids=[f"{name}-{output}" for name, output, _ in PROGRAMS]
)
def test_an_answer_is_told_alike_however_it_is_broken_and_cut(name: str, output: Output, writes: Writes) -> None:
    whole_text = Turn("m", items=(user("x"),))
    structured = msgspec.structs.replace(whole_text, format=Format("json_schema"))

    def holds(
        asked: Turn, lines: list[bytes], changes: list[Change], slips: list[Mutation], places: set[int], code: int,
        stderr: bytes, run: Run, max_line: int,
    ) -> None:  # fmt: skip
        data = mutate(warped(lines, changes), slips)

        def heard(parts: Parts) -> Heard:
            return Heard(ADAPTERS[name], asked, output, run, max_line).read(parts, code, stderr)

        whole = heard((data,))
        assert heard(at_places(data, places)).outcome == whole.outcome
        whole.keeps_the_rules()

    bounds = st.sampled_from([100, *[1 << 20] * 5])
    turns = st.sampled_from([whole_text, whole_text, structured])
    share(len(PROGRAMS))(given(turns, writes, CHANGES, _SLIPS, PLACES, _CODES, _STDERR, _RUNS, bounds)(holds))()


_SAID: Final = st.text(max_size=20) | st.sampled_from([
    "-", "--", "--yolo", "-p", "/config model=opus", "@/etc/passwd", "\\@x", "resume", "$(id)", "\0", "{}",
    "</user>", "--dangerously-skip-permissions",
])  # fmt: skip


@pytest.mark.parametrize(("name", "output"), [(name, output) for name, output, _ in PROGRAMS])
def test_nothing_that_a_caller_says_is_an_option(name: str, output: Output) -> None:
    """The arguments are the same whatever is said: all of it is in the input, in files, or behind `--`."""

    def holds(said: list[tuple[str, str]], via: str, own_tools: bool, run: Run) -> None:
        roles: Any = ("system", "user", "assistant")
        items: tuple[Item, ...] = tuple(
            msgspec.structs.replace(user(text), role=roles[len(role) % 3]) for role, text in said
        )
        given = settings(output, prompt_via=via, own_tools=own_tools)

        def flags(*more: Item) -> list[str]:
            prepared = ADAPTERS[name].prepare(Turn("m", items=(*more, user("x")), user="u"), "m1", given, run)
            words = [word if isinstance(word, str) else word.name for word in prepared.argv]
            assert all(isinstance(variable, str) for variable in prepared.environment)
            if prepared.stdin is None:
                prompt = words.pop()
                assert prompt.startswith("--prompt=") or "--" in words
                assert "\0" not in prompt  # the kernel takes none
            return [word for word in words if word not in ("-", "--")]

        system_text = [word for word in flags(*items) if "system" in word or "instructions" in word]
        assert [word for word in flags(*items) if word not in system_text] == flags()

    pairs = st.lists(st.tuples(st.sampled_from(["", "a", "ab"]), _SAID), max_size=4)
    share(len(PROGRAMS))(given(pairs, st.sampled_from(["stdin", "argv"]), st.booleans(), _RUNS)(holds))()


@BUDGET
@given(turns() | more_turns(), st.sampled_from(list(CODECS)), _RUNS, st.booleans())
def test_a_request_is_put_to_each_program_or_refused_by_name(
    turn: Turn, dialect: str, run: Run, own_tools: bool
) -> None:
    try:
        asked = CODECS[dialect].parse(CODECS[dialect].render(turn, turn.model, Profile()).body)
    except GatewayError:
        return  # not every dialect can say it
    for adapter in ADAPTERS.values():
        given = settings(adapter.outputs[0], tools=adapter.takes_tools, own_tools=own_tools)
        try:
            invocation = adapter.prepare(asked, "m", given, run)
        except GatewayError as error:
            assert error.kind.code == "unsupported_parameter" and error.param
        else:
            assert invocation.stdin and all(loss.param for loss in invocation.losses)
