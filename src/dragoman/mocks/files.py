"""Uploaded files, in memory: at most `MAX_FILES` and `MAX_BYTES`, the oldest making room for the newest."""

from dataclasses import dataclass
from typing import Final

from dragoman.mocks.answer import Answer, Buffered, json_answer, not_allowed, openai_error
from dragoman.mocks.multipart import parse_form
from dragoman.mocks.request import Request
from dragoman.mocks.stamps import Stamps

MAX_FILES: Final = 100
MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _File:
    id: str
    name: str
    purpose: str
    created: int
    data: bytes

    def render(self) -> dict[str, object]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.data),
            "created_at": self.created,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


class Files:
    """The `/files` endpoints: create, list, retrieve, content, delete."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps
        self._files: dict[str, _File] = {}

    def answer(self, request: Request) -> Answer:
        """Answers what comes after `/files`; raises `BadForm`."""
        match request.method, request.rest:
            case "POST", ():
                return self._create(request)
            case "GET" | "HEAD", ():
                return self._list(request.parameter("purpose"))
            case _, ():
                return not_allowed("GET", "POST")
            case _, (file_id, *more) if file_id in self._files and more in ([], ["content"]):
                return self._one(request.method, self._files[file_id], content=bool(more))
            case _:
                return openai_error(404, f"No such File object: {'/'.join(request.rest)}", "id")

    def _create(self, request: Request) -> Answer:
        form = parse_form(request)
        upload, purpose = form.get("file"), form.get("purpose")
        if upload is None or upload.file_name is None:
            return openai_error(400, "Missing required parameter: 'file'.", "file")
        if purpose is None or not purpose.text:
            return openai_error(400, "Missing required parameter: 'purpose'.", "purpose")
        file = _File(self._stamps.next("file-"), upload.file_name, purpose.text, self._stamps.created(), upload.data)
        self._files[file.id] = file
        while len(self._files) > MAX_FILES or sum(len(each.data) for each in self._files.values()) > MAX_BYTES:
            del self._files[next(iter(self._files))]
        return json_answer(file.render())

    def _list(self, purpose: str) -> Answer:
        found = [file.render() for file in self._files.values() if purpose in ("", file.purpose)]
        ends = {"first_id": found[0]["id"], "last_id": found[-1]["id"]} if found else {}
        return json_answer({"object": "list", "data": found, "has_more": False, **ends})

    def _one(self, method: str, file: _File, *, content: bool) -> Answer:
        if content:
            return Buffered(200, (("content-type", "application/octet-stream"),), file.data)
        if method == "DELETE":
            del self._files[file.id]
            return json_answer({"id": file.id, "object": "file", "deleted": True})
        return json_answer(file.render()) if method in ("GET", "HEAD") else not_allowed("GET", "DELETE")
