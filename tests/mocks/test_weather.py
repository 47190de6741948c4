from dragoman.mocks import weather
from dragoman.mocks.answer import Buffered
from tests.mocks.client import body_of, request


def test_the_weather_names_the_city_asked_for() -> None:
    assert body_of(weather.answer(request("GET", "current", query="city=S%C3%A3o+Paulo"))) == {
        "location": "São Paulo",
        "temperature": 72,
        "unit": "fahrenheit",
        "condition": "sunny",
        "humidity": 45,
        "wind_speed": 8,
    }


def test_without_a_city_the_location_is_unknown() -> None:
    assert body_of(weather.answer(request("GET", "v1/current.json")))["location"] == "Unknown"


def test_another_path_is_not_an_endpoint() -> None:
    answer = weather.answer(request("GET", "forecast"))
    assert isinstance(answer, Buffered)
    assert (answer.status, body_of(answer)) == (404, {"error": "Invalid endpoint"})
