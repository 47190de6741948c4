"""Every row of an answer, run: what its example answers comes to the caller as the row tells."""

import copy
import json
from typing import Any, Final

import msgspec
import pytest

from dragoman.bridge import TABLES, Ids, convert_answer
from dragoman.dialects import fields
from dragoman.dialects.mapping import DIALECTS, Field, Row, answers_between
from dragoman.errors import GatewayError
from dragoman.turn import Dialect
from tests.dialects.examples.answers import LEAST, REPLIES, UNTOLD, Reply
from tests.dialects.examples.example import Json

IDS: Final = Ids(lambda prefix: f"{prefix}1", lambda: 9.0)
NAMES: Final = {id(value): name for name, value in vars(fields).items() if isinstance(value, Field)}
PAIRS: Final = [(source, target) for source in DIALECTS for target in DIALECTS if source != target]


def title(reply: Reply) -> str:
    return f"{NAMES[id(reply.field)]}-{reply.fate}-{reply.pair[0]}-{reply.pair[1]}"


def row_of(reply: Reply) -> Row:
    source, target = (TABLES[dialect] for dialect in reply.pair)
    (row,) = (row for row in answers_between(source, target) if row.field is reply.field and row.fate == reply.fate)
    return row


def over(value: Json, changes: Json) -> Json:
    """A copy with what stands at some paths changed."""
    value = copy.deepcopy(value)
    for path, change in changes.items():
        *steps, last = path.split(".")
        at: Any = value
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[last] = change
    return value


def got(reply: Reply, said: Json) -> Json:
    source, target = reply.pair
    body = msgspec.json.encode(over(LEAST[source], said))
    answer: Json = json.loads(convert_answer(body, source, target, IDS).body)
    if reply.field is fields.ANSWER_MODEL:
        del answer["model"]  # the name asked for, which a conversion without a request has not
    return answer


@pytest.mark.parametrize("reply", [one for one in REPLIES if one.fate != "refused"], ids=title)
def test_what_is_answered_comes_as_its_row_tells(reply: Reply) -> None:
    assert row_of(reply).fate == reply.fate
    assert got(reply, reply.said) == over(got(reply, {}), reply.got)
    if reply.fate in ("dropped", "executed"):
        assert not reply.got


@pytest.mark.parametrize("reply", [one for one in REPLIES if one.fate == "refused"], ids=title)
def test_what_is_no_answer_is_an_error_of_the_upstream(reply: Reply) -> None:
    assert row_of(reply).fate == reply.fate
    with pytest.raises(GatewayError) as caught:
        got(reply, reply.said)
    assert caught.value.kind.status >= 500


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_row_of_an_answer_has_an_example(source: Dialect, target: Dialect) -> None:
    shown = {id(row_of(reply)) for reply in REPLIES if reply.pair == (source, target)}
    lacking = [row for row in answers_between(TABLES[source], TABLES[target]) if id(row) not in shown]
    assert not [NAMES[id(row.field)] for row in lacking if not (row.field in UNTOLD and row.fate == "mapped")]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_what_an_upstream_can_answer_has_a_row_toward_every_caller(source: Dialect, target: Dialect) -> None:
    told = {id(row.field) for row in answers_between(TABLES[source], TABLES[target])}
    said = [field for field in vars(fields).values() if isinstance(field, Field) and field.stands in ("answer", "stop")]
    assert not [NAMES[id(field)] for field in said if field.name(source) and id(field) not in told]
