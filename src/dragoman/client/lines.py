"""Lines of text, incrementally, for bodies that are a JSON document a line and the like.

Ends are LF, CRLF and CR alone: U+2028 may stand within a JSON string, where `str.splitlines` would cut it.
"""

import codecs


class LineDecoder:
    """Takes bytes as they arrive, gives the lines that are complete, without their ends."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []
        self._after_cr = False

    def receive(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        return self._split(self._text.decode(data))

    def eof(self) -> list[str]:
        """What is left: a last line without an end, if there is one."""
        lines = self._split(self._text.decode(b"", final=True))
        rest = "".join(self._parts)
        self._parts.clear()
        return [*lines, rest] if rest else lines

    def _split(self, text: str) -> list[str]:
        if not text:
            return []
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        rest = lines.pop()
        if lines:
            lines[0] = "".join([*self._parts, lines[0]])
            self._parts.clear()
        if rest:
            self._parts.append(rest)
        return lines
