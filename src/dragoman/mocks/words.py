"""How the mock counts: a token is a word, that is a run of non-space with the white space after it.

So `max_tokens` of 3 leaves three words, a stream has one content event per token, and the usage of both
agrees. A prompt counts the words of its texts, four per message and `IMAGE_TOKENS` per image.
"""

import re
from typing import Final

TOKENS_PER_MESSAGE: Final = 4
IMAGE_TOKENS: Final = 85
_WORD: Final = re.compile(r"\s*\S+\s*")


def words(text: str) -> list[str]:
    """The tokens of a text; joined they are the text again (but for a text of white space alone)."""
    return _WORD.findall(text)


def usage(prompt: int, completion: int, reasoning: int = 0) -> dict[str, object]:
    """The usage object of Chat Completions, all its details present; `reasoning` is part of `completion`."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
