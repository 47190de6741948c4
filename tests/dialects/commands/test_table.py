"""`dragoman.dialects.commands.table`."""

import typing

from dragoman.config import CommandConfig
from dragoman.dialects.commands.table import ADAPTERS


def test_there_is_an_adapter_for_every_name_that_can_be_configured() -> None:
    (names, _) = typing.get_args(typing.get_type_hints(CommandConfig)["adapter"])

    assert set(ADAPTERS) == set(typing.get_args(names))
    assert all(name == adapter.name and adapter.outputs for name, adapter in ADAPTERS.items())
