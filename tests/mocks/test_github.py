from dragoman.mocks import github
from dragoman.mocks.answer import Buffered
from tests.mocks.client import body_of, request


def test_the_octocat_is_the_only_user() -> None:
    user = body_of(github.answer(request("GET", "users/octocat")))
    assert user == {
        "login": "octocat",
        "id": 1,
        "type": "User",
        "name": "The Octocat",
        "company": "GitHub",
        "blog": "https://github.blog",
    }


def test_any_repository_exists() -> None:
    repository = body_of(github.answer(request("GET", "repos/octocat/hello-world")))
    assert repository["name"] == "hello-world"
    assert repository["full_name"] == "octocat/hello-world"
    assert repository["private"] is False
    assert repository["html_url"] == "https://github.com/octocat/hello-world"
    assert repository["description"]


def test_everything_else_is_not_found() -> None:
    for path in ("users/nobody", "users", "repos", "repos/", "nothing", ""):
        answer = github.answer(request("GET", path))
        assert isinstance(answer, Buffered)
        assert (answer.status, body_of(answer)) == (404, {"message": "Not Found"})
