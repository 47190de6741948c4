"""Every row of the tables, run: the request of its example has the outcome that the row tells."""

import json
import re
from typing import Any, Final, get_args

import pytest
from anthropic.types import message_create_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params

from dragoman import errors
from dragoman.bridge import TABLES, Converted, convert_request
from dragoman.dialects import fields
from dragoman.dialects.mapping import CANNOT, DIALECTS, UNKNOWN_THERE, Field, Row, rows_between
from dragoman.dialects.profile import Profile, adapt
from dragoman.errors import GatewayError
from dragoman.turn import Dialect
from tests.dialects.examples import items, parts, request, tools
from tests.dialects.examples.example import LEAST, Example

EXAMPLES: Final = [*request.EXAMPLES, *tools.EXAMPLES, *items.EXAMPLES, *parts.EXAMPLES]
NAMES: Final = {id(value): name for name, value in vars(fields).items() if isinstance(value, Field)}
PAIRS: Final = [(source, target) for source in DIALECTS for target in DIALECTS if source != target]
BY_GATEWAY: Final = (fields.PREVIOUS, fields.CONVERSATION, fields.BACKGROUND, fields.REFERENCE)
"""What the gateway puts in before it translates; see `tests/gateway/test_exchange_rows.py`."""


def title(example: Example) -> str:
    source, target = example.pair
    return f"{NAMES[id(example.field)]}-{example.fate}-{source}-{target}"


def row_of(example: Example) -> Row:
    source, target = (TABLES[dialect] for dialect in example.pair)
    rows = [row for row in rows_between(source, target) if row.field is example.field and row.fate == example.fate]
    if len(rows) > 1 and example.row == "=":
        rows = [row for row in rows if not row.reported]
    elif len(rows) > 1 and not example.row:
        rows = [row for row in rows if not (row.value or row.when)]
    elif len(rows) > 1:
        rows = [row for row in rows if example.row in row.value + row.when + row.note]
    assert len(rows) == 1, f"{title(example)}: {len(rows)} rows"
    return rows[0]


def convert(example: Example, given: dict[str, Any]) -> Converted:
    source, target = example.pair
    body = {name: value for name, value in (LEAST[source] | given).items() if value is not None}
    return convert_request(json.dumps(body).encode(), source, target, adapt(Profile(), example.quirks))


def says(template: str, text: str) -> bool:
    """Whether `text` is what a row's `template` gives."""
    return re.fullmatch(re.sub(r"\\\{\w+(!r)?\\\}", ".+", re.escape(template)), text) is not None


def param(example: Example) -> str:
    return example.param or example.field.name(example.pair[0])


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.fate != "refused"], ids=title)
def test_what_is_said_goes_as_its_row_tells(example: Example) -> None:
    row = row_of(example)
    converted = convert(example, example.given)
    least = convert(example, example.beside)
    assert json.loads(converted.body) == json.loads(least.body) | example.sent
    losses = [loss for loss in converted.losses if loss not in least.losses]
    assert [(loss.param, loss.kind) for loss in losses] == ([(param(example), example.fate)] if row.reported else [])
    assert all(says(row.note, loss.note) for loss in losses)
    if row.fate in ("executed", "vacuous"):
        assert not example.sent


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.fate == "refused"], ids=title)
def test_what_cannot_be_said_is_refused_as_its_row_tells(example: Example) -> None:
    row = row_of(example)
    if example.quirks.get("allow_unknown"):
        told = [(loss.param, loss.kind, loss.note) for loss in convert(example, example.given).losses]
        assert (param(example), "dropped", UNKNOWN_THERE) in told
        return
    with pytest.raises(GatewayError) as caught:
        convert(example, example.given)
    assert (caught.value.kind, caught.value.param) == (errors.UNSUPPORTED_PARAMETER, param(example))
    assert says(row.note or CANNOT, caught.value.message)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_row_has_an_example(source: Dialect, target: Dialect) -> None:
    shown = {id(row_of(example)) for example in EXAMPLES if example.pair == (source, target)}
    rows = rows_between(TABLES[source], TABLES[target])
    lacking = [row for row in rows if id(row) not in shown and not (row.fate == "executed" and row.field in BY_GATEWAY)]
    assert not [f"{NAMES[id(row.field)]} {row.fate} {row.value or row.when}" for row in lacking]


def parameters(*kinds: Any) -> set[str]:
    """The parameters of a request, as an official SDK has them."""
    bases = {base for kind in kinds for base in (kind, *kind.__orig_bases__)}
    return {name for base in bases for name in getattr(base, "__annotations__", {})}


@pytest.mark.parametrize(
    ("dialect", "given"),
    [
        ("chat", parameters(*get_args(completion_create_params.CompletionCreateParams))),
        ("responses", parameters(*get_args(response_create_params.ResponseCreateParams))),
        ("messages", parameters(*get_args(message_create_params.MessageCreateParams))),
    ],
)
def test_every_parameter_of_the_official_clients_is_a_field(dialect: Dialect, given: set[str]) -> None:
    assert len(given) > 15
    known = [value for value in vars(fields).values() if isinstance(value, Field)]
    names = {re.split(r"[.\[]", name)[0] for field in known for name in (field.name(dialect), field.old)}
    assert given <= names


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_a_caller_can_say_has_a_row_toward_every_other_dialect(source: Dialect, target: Dialect) -> None:
    told = {id(row.field) for row in rows_between(TABLES[source], TABLES[target])}
    said = [value for value in vars(fields).values() if isinstance(value, Field) and value.name(source)]
    asked = [field for field in said if field.stands not in ("answer", "stop")]
    assert not [NAMES[id(field)] for field in asked if id(field) not in told]
