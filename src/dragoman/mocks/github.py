"""Two endpoints of a code host: users and repositories. Any method, as in the seed's mock."""

from dragoman.mocks.answer import Answer, json_answer
from dragoman.mocks.request import Request

_OCTOCAT = {
    "login": "octocat",
    "id": 1,
    "type": "User",
    "name": "The Octocat",
    "company": "GitHub",
    "blog": "https://github.blog",
}


def answer(request: Request) -> Answer:
    """`users/octocat`, `repos/{owner}/{repo}`, else 404."""
    match request.rest:
        case ("users", "octocat"):
            return json_answer(_OCTOCAT)
        case ("repos", first, *more) if first:
            return json_answer(_repository((first, *more)))
        case _:
            return json_answer({"message": "Not Found"}, 404)


def _repository(path: tuple[str, ...]) -> dict[str, object]:
    full_name = "/".join(path)
    return {
        "name": path[:2][-1],
        "full_name": full_name,
        "description": f"Mock repository {full_name}",
        "private": False,
        "html_url": f"https://github.com/{full_name}",
    }
