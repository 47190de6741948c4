from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.mocks.words import usage, words


def test_a_token_is_a_word_with_the_space_around_it() -> None:
    assert words("one  two\nthree ") == ["one  ", "two\n", "three "]
    assert words("  lead") == ["  lead"]
    assert words("") == []


@settings(deadline=None)
@given(st.text())
def test_tokens_join_to_the_text(text: str) -> None:
    assert "".join(words(text)) == (text if text.strip() else "")


def test_usage_adds_up_and_has_its_details() -> None:
    used = usage(3, 4)
    assert used["total_tokens"] == 7
    assert used["prompt_tokens_details"] == {"cached_tokens": 0, "audio_tokens": 0}
