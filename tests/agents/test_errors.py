from dragoman import errors
from dragoman.agents.errors import AgentError, LimitReached, ModelError, OutputError
from dragoman.agents.result import Result
from dragoman.agents.usage import RunUsage
from dragoman.turn import Stop


def test_an_error_has_what_it_is_about() -> None:
    result = Result(run_id="r", agent="a", text="", output=None, calls=(), items=(), usage=RunUsage(), stop=Stop.LENGTH)
    limit = LimitReached("turns", 5, result)
    assert (limit.limit, limit.result, str(limit)) == (
        "turns", result, "The run reached its limit turns = 5; .result has what there is of it.",
    )  # fmt: skip
    model = ModelError(errors.RATE_LIMIT_EXCEEDED, "slow down", status=429, code="rate")
    assert (model.kind.status, model.status, model.code) == (429, 429, "rate")
    assert OutputError("no", "text").text == "text"
    assert all(isinstance(one, AgentError) for one in (limit, model))
