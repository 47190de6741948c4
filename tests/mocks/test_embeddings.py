import math

import openai
import pytest

MODEL = "text-embedding-3-small"


async def test_vectors_are_of_unit_length_and_the_same_in_both_encodings(sdk: openai.AsyncOpenAI) -> None:
    packed = await sdk.embeddings.create(model=MODEL, input="one two")
    plain = await sdk.embeddings.create(model=MODEL, input="one two", encoding_format="float")
    vector = plain.data[0].embedding
    assert len(vector) == 1536
    assert math.hypot(*vector) == pytest.approx(1)
    assert packed.data[0].embedding == pytest.approx(vector, abs=1e-6)
    assert plain.usage.prompt_tokens == 2


async def test_equal_texts_have_equal_vectors_and_others_do_not(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.embeddings.create(model=MODEL, input=["a", "b", "a"], dimensions=8)
    first, second, third = (each.embedding for each in answer.data)
    assert first == third != second
    assert len(first) == 8
    assert [each.index for each in answer.data] == [0, 1, 2]


async def test_tokens_are_an_input_too(sdk: openai.AsyncOpenAI) -> None:
    one = await sdk.embeddings.create(model=MODEL, input=[1, 2, 3])
    two = await sdk.embeddings.create(model=MODEL, input=[[1, 2, 3], [4]])
    assert (len(one.data), len(two.data)) == (1, 2)
    assert (one.usage.prompt_tokens, two.usage.prompt_tokens) == (3, 4)


async def test_errors(sdk: openai.AsyncOpenAI) -> None:
    nothing: list[str | list[str]] = ["", [], ["a", ""]]
    for empty in nothing:
        with pytest.raises(openai.BadRequestError) as bad:
            await sdk.embeddings.create(model=MODEL, input=empty)
        assert bad.value.param == "input"
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk.embeddings.create(model=MODEL, input=[[]])
    assert bad.value.param == "input[0]"
    with pytest.raises(openai.BadRequestError):
        await sdk.embeddings.create(model=MODEL, input="a", dimensions=0)
    with pytest.raises(openai.NotFoundError):
        await sdk.embeddings.create(model="gpt-4", input="a")
