"""What an agent, its tools and its model raise.

DragomanError
 +-- AgentError       an agent that cannot be as it is written, or a run that did not come to its end
      +-- LimitReached    a bound of `Limits`; has what there is of the result
      +-- Vetoed          a hook ended the run
      +-- OutputError     an answer that is not of the type it had to be
      +-- ModelError      the model could not be asked, or failed
      +-- ToolError       raised by a tool: what its message says is for the model
"""

from typing import TYPE_CHECKING

from dragoman.errors import DragomanError, ErrorKind

if TYPE_CHECKING:
    from dragoman.agents.result import Result


class AgentError(DragomanError):
    """An agent that cannot be as it is written, or a run that did not come to its end."""


class LimitReached(AgentError):
    """A run came to one of its `Limits`; `limit` names it, `result` is what there is."""

    def __init__(self, limit: str, value: float, result: "Result") -> None:
        super().__init__(f"The run reached its limit {limit} = {value:g}; .result has what there is of it.")
        self.limit = limit
        self.result = result


class Vetoed(AgentError):
    """A hook ended the run; the message is its reason."""


class OutputError(AgentError):
    """The model's answer is not of the type it had to be; `text` is what it said."""

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


class ModelError(AgentError):
    """The model could not be asked, or failed: `status` is its server's (0 without one), `kind` what it comes to."""

    def __init__(self, kind: ErrorKind, message: str, *, status: int = 0, code: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.code = code


class ToolError(AgentError):
    """Raise it in a tool to tell the model what is wrong, in words of your own."""
