import hashlib
import importlib
import inspect
import socket
import sys
from pathlib import Path

import pytest

from dragoman import tokenizer
from dragoman.errors import ConfigError
from dragoman.tokenizer import WINDOW, WINDOWS, TiktokenTokenizer
from tests.support import encoding


@pytest.fixture
def tiny() -> TiktokenTokenizer:
    encoding.register()
    return TiktokenTokenizer.load(encoding.NAME)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """tiktoken downloads what it does not find: here that is a failure."""

    def refuse(*_: object) -> None:
        raise AssertionError("an address was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_tokens_are_those_of_the_encoding(tiny: TiktokenTokenizer) -> None:
    assert tiny.count([]) == 0
    assert tiny.count(["abc"]) == 2
    assert tiny.count(["a", "b"]) == 1  # texts are one after the other
    assert tiny.count(["\u20ac"]) == 3
    assert tiny.count(["<|endoftext|>"]) == 13  # what is special elsewhere is text here
    assert tiny.count(["\ud800"]) > 0


@pytest.mark.parametrize("texts", [["ab " * 100_000], ["ab "] * 100_000, ["", "ab " * 99_999, "", "ab "]])
def test_a_long_text_is_counted_by_samples(tiny: TiktokenTokenizer, texts: list[str]) -> None:
    assert sum(map(len, texts)) > WINDOW * WINDOWS
    assert tiny.count(texts) == pytest.approx(200_000, rel=0.01)


def test_samples_are_taken_from_the_whole(tiny: TiktokenTokenizer) -> None:
    """One half has a token to a character, the other three to one."""
    assert tiny.count(["c" * 100_000, "\u20ac" * 100_000]) == pytest.approx(400_000, rel=0.01)


def test_an_encoding_that_is_not_known_is_refused() -> None:
    for name in ("klingon", "gpt2", ""):
        with pytest.raises(ConfigError, match="is not known") as caught:
            TiktokenTokenizer.load(name)
        assert caught.value.key == "server.encoding" and "o200k_base" in caught.value.hint


@pytest.mark.parametrize("name", ["o200k_base", "o200k_harmony", "cl100k_base"])
def test_a_file_that_is_not_at_hand_is_a_setting_that_cannot_stand(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    with pytest.raises(ConfigError, match="needs TIKTOKEN_CACHE_DIR"):
        TiktokenTokenizer.load(name)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(ConfigError, match="No such file"):
        TiktokenTokenizer.load(name)
    base = "cl100k_base" if name == "cl100k_base" else "o200k_base"
    address = f"https://openaipublic.blob.core.windows.net/encodings/{base}.tiktoken"
    file = tmp_path / hashlib.sha1(address.encode()).hexdigest()
    file.write_bytes(b"YWI= 0\n")
    with pytest.raises(ConfigError, match="is not the file of") as caught:
        TiktokenTokenizer.load(name)
    assert file.exists() and f'get_encoding("{name}")' in caught.value.hint


def test_the_files_are_those_that_tiktoken_asks_for() -> None:
    constructors = importlib.import_module("tiktoken_ext.openai_public").ENCODING_CONSTRUCTORS
    for file, digest in tokenizer._FILES.values():
        source = inspect.getsource(constructors[file])
        assert f'"{tokenizer._ADDRESS.format(file)}"' in source and f'"{digest}"' in source


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ConfigError, match="needs tiktoken") as caught:
        TiktokenTokenizer.load("o200k_base")
    assert caught.value.hint == "pip install 'dragoman[tokens]'"
