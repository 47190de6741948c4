import base64

import openai
import pytest

from dragoman.mocks.images import PNG


async def test_an_image_is_a_png_of_one_pixel(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.images.generate(model="gpt-image-1", prompt="a red dot", n=2)
    assert answer.data is not None and len(answer.data) == 2
    assert base64.b64decode(answer.data[0].b64_json or "") == PNG
    assert PNG.startswith(b"\x89PNG\r\n\x1a\n") and PNG[16:24] == b"\0\0\0\1\0\0\0\1"
    assert answer.usage is not None and answer.usage.input_tokens == 3


async def test_a_prompt_is_needed(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        await sdk.images.generate(prompt="")
    assert bad.value.param == "prompt"
