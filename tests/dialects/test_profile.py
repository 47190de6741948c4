from typing import get_args

import msgspec
import pytest

from dragoman.config import UpstreamConfig
from dragoman.dialects.profile import PROFILES, Profile, adapt


def test_every_profile_can_be_configured() -> None:
    assert set(get_args(UpstreamConfig.__annotations__["profile"])) == set(PROFILES)


def test_single_quirks_go_over_a_profile() -> None:
    assert adapt(PROFILES["vllm"], {}) is PROFILES["vllm"]
    adapted = adapt(PROFILES["vllm"], {"tool_images": "reject", "efforts": ("low",)})
    assert adapted == msgspec.structs.replace(PROFILES["vllm"], tool_images="reject", efforts=("low",))


@pytest.mark.parametrize("quirks", [{"tool_images": "x"}, {"novelty": True}, {"default_max_tokens": "x"}])
def test_a_quirk_that_is_not_right_is_no_profile(quirks: dict[str, str | int | bool]) -> None:
    with pytest.raises(msgspec.ValidationError):
        adapt(Profile(), quirks)


def test_no_profile_wraps_custom_tools_unasked() -> None:
    assert {name for name, profile in PROFILES.items() if profile.custom_tools == "native"} == {"openai"}
    assert not [name for name, profile in PROFILES.items() if profile.custom_tools == "wrap"]
