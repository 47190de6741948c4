import httpx2
import openai
import pytest

from dragoman.mocks import files as module


async def test_a_file_is_kept_listed_read_and_deleted(sdk: openai.AsyncOpenAI) -> None:
    made = await sdk.files.create(file=("a.jsonl", b'{"a": 1}\n'), purpose="batch")
    assert (made.filename, made.bytes, made.purpose) == ("a.jsonl", 9, "batch")
    assert (await sdk.files.retrieve(made.id)).id == made.id
    assert (await sdk.files.content(made.id)).content == b'{"a": 1}\n'
    assert [file.id async for file in sdk.files.list()] == [made.id]
    assert [file.id async for file in sdk.files.list(purpose="vision")] == []
    assert (await sdk.files.delete(made.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await sdk.files.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        await sdk.files.content(made.id)


async def test_the_oldest_file_makes_room(sdk: openai.AsyncOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    made = [await sdk.files.create(file=(f"{n}", b"x"), purpose="batch") for n in range(3)]
    assert [file.id async for file in sdk.files.list()] == [file.id for file in made[1:]]
    large = await sdk.files.create(file=("large", b"x" * 99), purpose="batch")
    assert [file.id async for file in sdk.files.list()] == [made[2].id, large.id]


async def test_errors(http_client: httpx2.AsyncClient) -> None:
    assert (await http_client.put("/v1/files")).status_code == 405
    assert (await http_client.post("/v1/files", json={})).status_code == 400
    no_file = await http_client.post("/v1/files", data={"purpose": "batch"}, files={"other": ("a", b"x")})
    assert no_file.json()["error"]["param"] == "file"
    no_purpose = await http_client.post("/v1/files", files={"file": ("a", b"x")})
    assert no_purpose.json()["error"]["param"] == "purpose"
    made = (await http_client.post("/v1/files", data={"purpose": "x"}, files={"file": ("a", b"x")})).json()
    assert (await http_client.put(f"/v1/files/{made['id']}")).status_code == 405
    assert (await http_client.get(f"/v1/files/{made['id']}/other")).status_code == 404
