"""What the OpenAI-style surfaces share: the error envelope and the model list.

Shapes as in OpenAI's API reference (`Error`, `ListModelsResponse`).
"""

import msgspec


class ErrorBody(msgspec.Struct, frozen=True):
    """All four members are always present; `param` and `code` may be null."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorEnvelope(msgspec.Struct, frozen=True):
    error: ErrorBody


class Model(msgspec.Struct, frozen=True):
    """One entry of the model list; `created` is Unix time in seconds."""

    id: str
    created: int
    owned_by: str
    object: str = "model"
    streaming: str | msgspec.UnsetType = msgspec.UNSET
    """How its streamed answers come, where not as the upstream likes: none, items or tokens."""


class ModelList(msgspec.Struct, frozen=True):
    data: list[Model]
    object: str = "list"
