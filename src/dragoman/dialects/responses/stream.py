"""A streamed Responses answer, both ways: the machine that reads it and the one that writes it."""

from dragoman.dialects.responses.reader import ResponsesReader
from dragoman.dialects.responses.writer import ResponsesWriter

__all__ = ["ResponsesReader", "ResponsesWriter"]
