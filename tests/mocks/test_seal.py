import pytest

from dragoman.mocks.seal import opened, sealed


@pytest.mark.parametrize("text", ["", "what I thought", "caf\u00e9 \U0001f600", "\ud800"])
def test_a_seal_opens_to_its_text(text: str) -> None:
    assert opened(sealed(text, "Er"), "Er") == text


@pytest.mark.parametrize("seal", ["", "Er", "Er!!!", "ErAAAA", "not one of ours", sealed("x", "gA")])
def test_what_is_no_seal_does_not_open(seal: str) -> None:
    assert opened(seal, "Er") is None


def test_a_seal_that_was_changed_does_not_open() -> None:
    seal = sealed("what I thought", "Er")
    for place in range(len(seal)):
        other = "A" if seal[place] != "A" else "B"
        assert opened(seal[:place] + other + seal[place + 1 :], "Er") is None
