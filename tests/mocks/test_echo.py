import base64
import hashlib

import httpx2
import pytest

from dragoman.mocks import echo
from dragoman.mocks.answer import Buffered
from tests.mocks.client import body_of, request


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"])
async def test_any_method_is_echoed(http_client: httpx2.AsyncClient, method: str) -> None:
    answer = await http_client.request(method, "/echo/a%2Fb//c?x=%20&x=2", content=b"hi", headers={"x-Own": "1"})
    echoed = answer.json()
    assert answer.status_code == 200
    assert (echoed["method"], echoed["path"], echoed["query"]) == (method, "/echo/a%2Fb//c", "x=%20&x=2")
    assert ["x-own", "1"] in echoed["headers"]
    assert (echoed["body"], echoed["body_length"], echoed["truncated"]) == ("hi", 2, False)


async def test_a_body_that_is_not_text_comes_back_in_base64(http_client: httpx2.AsyncClient) -> None:
    echoed = (await http_client.post("/echo", content=b"\xff\x00")).json()
    assert echoed["body"] is None
    assert base64.b64decode(echoed["body_base64"]) == b"\xff\x00"


async def test_a_large_body_is_echoed_in_part_and_hashed_whole(http_client: httpx2.AsyncClient) -> None:
    body = b"x" * (echo.MAX_ECHOED + 1)
    echoed = (await http_client.post("/echo", content=body)).json()
    assert echoed["truncated"] is True
    assert (echoed["body_length"], len(echoed["body"])) == (len(body), echo.MAX_ECHOED)
    assert echoed["body_sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("code", [200, 201, 204, 205, 302, 304, 404, 418, 429, 500, 503, 529, 599])
async def test_any_status_can_be_had(http_client: httpx2.AsyncClient, code: int) -> None:
    answer = await http_client.get(f"/status/{code}")
    assert answer.status_code == code
    assert (answer.content == b"") == (code in (204, 205, 304))


@pytest.mark.parametrize("path", ["", "abc", "100", "600", "20", "2000", "200/x", "²00"])
def test_a_status_there_is_not_is_a_400(path: str) -> None:
    answer = echo.status(request("GET", path))
    assert isinstance(answer, Buffered)
    assert answer.status == 400
    assert "from 200 to 599" in body_of(answer)["error"]
