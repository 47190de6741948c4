import openai
import pytest
from openai.types import ModerationTextInputParam


async def test_only_violence_is_flagged(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.moderations.create(input=["flowers", "Violence!"])
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence
    assert not answer.results[1].categories.hate_threatening
    assert answer.results[1].category_scores.violence > 0.5


async def test_parts_are_an_input_too(sdk: openai.AsyncOpenAI) -> None:
    part: ModerationTextInputParam = {"type": "text", "text": "violence"}
    answer = await sdk.moderations.create(input=[part])
    assert answer.results[0].flagged
    assert (await sdk.moderations.create(input="fine")).model == "omni-moderation-latest"


async def test_an_input_is_needed(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk.moderations.create(input=[])
    assert bad.value.param == "input"
