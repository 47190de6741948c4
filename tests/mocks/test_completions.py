import openai
import pytest


async def test_a_prompt_is_completed(sdk: openai.AsyncOpenAI) -> None:
    completion = await sdk.completions.create(model="gpt-3.5-turbo-instruct", prompt="one two")
    assert completion.choices[0].text == "Completion of: one two"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (2, 4)


async def test_several_prompts_make_several_choices(sdk: openai.AsyncOpenAI) -> None:
    completion = await sdk.completions.create(model="gpt-4", prompt=["a", "b"], max_tokens=2, stop="zzz")
    assert [choice.text for choice in completion.choices] == ["Completion of: ", "Completion of: "]
    assert completion.choices[1].finish_reason == "length"


async def test_a_stream_has_words_usage_and_an_end(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.completions.create(
        model="gpt-4", prompt="one two", stream=True, stream_options={"include_usage": True}, stop=["two"]
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == "Completion of: one "
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens == 3


async def test_errors(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        await sdk.completions.create(model="none", prompt="x")
    with pytest.raises(openai.RateLimitError):
        await sdk.completions.create(model="gpt-4", prompt="trigger error")
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk.completions.create(model="gpt-4", prompt=[])
    assert bad.value.param == "prompt"
