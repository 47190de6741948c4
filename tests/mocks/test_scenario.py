import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.mocks.scenario import ITEMS, MAX_SPEC, Fault, Scenario, ScenarioError, known_items
from dragoman.mocks.timing import PROFILES, Timing


def test_an_empty_spec_is_the_usual_answer() -> None:
    assert Scenario.parse("").usual
    assert Scenario.parse("ok").usual
    assert Scenario.parse(" , ,") == Scenario(" , ,")


def test_items_are_joined_by_commas_in_any_order_and_case() -> None:
    scenario = Scenario.parse(" CRLF , cut-after:3,ttft:300,tps:60,jitter:0.2,seed:7")
    assert scenario.ending == Fault("cut-after", 3)
    assert scenario.ends("cut-after")
    assert (scenario.shape("crlf"), scenario.shape("cr")) == (0, None)
    assert scenario.timing == Timing(ttft_ms=300, tps=60, jitter=0.2, seed=7)
    assert not scenario.usual


def test_the_longer_name_of_drop_is_known() -> None:
    assert Scenario.parse("refuse-before-headers").ends("drop")


@pytest.mark.parametrize(
    ("spec", "number"),
    [("huge-event:10m", 10 * 1024**2), ("huge-event:4K", 4096), ("huge-event:5", 5), ("dribble", 1)],
)
def test_sizes_take_a_suffix_and_some_a_default(spec: str, number: int) -> None:
    scenario = Scenario.parse(spec)
    assert scenario.shapes[0].number == number


def test_a_fault_that_counts_events_may_have_a_default() -> None:
    assert Scenario.parse("cut-mid-event").ending == Fault("cut-mid-event", 1)
    assert Scenario.parse("cut-after:0").ending == Fault("cut-after", 0)


def test_a_redirect_keeps_its_url_whole() -> None:
    assert Scenario.parse("redirect:http://127.0.0.1:1/a?b").ending == Fault("redirect", text="http://127.0.0.1:1/a?b")


def test_a_profile_is_an_item_and_a_value_beside_it_wins() -> None:
    assert Scenario.parse("typical").timing == PROFILES["typical"]
    assert Scenario.parse("tps:5,typical").timing.tps == 5
    assert Scenario.parse("typical,tps:5").timing.tps == 5
    assert Scenario.parse("tps:inf").timing.tps == math.inf


@pytest.mark.parametrize(
    "spec",
    [
        "nonsense",
        "cut-after",
        "cut-after:-1",
        "cut-after:x",
        "cut-after:1.5",
        "cut-after:" + "9" * 5000,
        "crlf:1",
        "status:199",
        "status:600",
        "huge-event:0",
        "huge-event:65m",
        "huge-event:m",
        "delay:600001",
        "redirect",
        "redirect:http://x/\r\nset-cookie:a",
        "ttft:soon",
        "ttft:-1",
        "ttft:nan",
        "tps:0",
        "jitter:2",
        "seed:inf",
        "ok:1",
        "fast:1",
        "drop,stall",
        "x" * (MAX_SPEC + 1),
    ],
)
def test_a_bad_item_is_refused(spec: str) -> None:
    with pytest.raises(ScenarioError):
        Scenario.parse(spec)


def test_an_unknown_item_is_named_beside_the_known_ones() -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse("crlf,cut-aftr:3")
    assert "'cut-aftr'" in str(caught.value)
    assert "cut-after:EVENTS" in str(caught.value)


def test_every_known_item_is_listed() -> None:
    listed = {item.partition(":")[0] for item in known_items()}
    assert set(ITEMS) <= listed
    assert set(PROFILES) <= listed


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_scenario_or_a_scenario_error(spec: str) -> None:
    try:
        Scenario.parse(spec)
    except ScenarioError as error:
        assert str(error)
