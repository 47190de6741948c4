"""The weather, which is always the same. Any path with `current` in it."""

from dragoman.mocks.answer import Answer, json_answer, plain_error
from dragoman.mocks.request import Request


def answer(request: Request) -> Answer:
    """`current?city=Seattle`, else 404."""
    if "current" not in "/".join(request.rest):
        return plain_error(404, "Invalid endpoint")
    return json_answer(
        {
            "location": request.parameter("city") or "Unknown",
            "temperature": 72,
            "unit": "fahrenheit",
            "condition": "sunny",
            "humidity": 45,
            "wind_speed": 8,
        }
    )
