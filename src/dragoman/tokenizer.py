"""Tokens by OpenAI's tiktoken (extra `tokens`), which never downloads anything here.

tiktoken fetches an encoding's file at its first use, into the directory that TIKTOKEN_CACHE_DIR names, unless
the file is there already under the SHA-1 of its address. So that is made sure of before it is asked, and a start
without the file fails instead of going to the network. Encodings of plugins are loaded as they are.
"""

import hashlib
import importlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from tiktoken import Encoding

KEY: Final = "server.encoding"
WINDOWS: Final = 8
WINDOW: Final = 4096
"""Characters of a window: longer texts are counted in `WINDOWS` of them, which takes some 5 ms at most."""

_FILES: Final = {
    "o200k_base": ("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
    "o200k_harmony": ("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
    "cl100k_base": ("cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
}
"""The encodings of OpenAI's models that are still asked: the file's name and its SHA-256."""
_ADDRESS: Final = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


class TiktokenTokenizer:
    """Counts with one encoding, whatever the model."""

    def __init__(self, encoding: "Encoding") -> None:
        self._encoding = encoding

    @classmethod
    def load(cls, name: str) -> "TiktokenTokenizer":
        """Raises `ConfigError` where tiktoken, the encoding or its file is missing."""
        try:
            tiktoken = importlib.import_module("tiktoken")
        except ModuleNotFoundError:
            raise ConfigError(KEY, "needs tiktoken", "pip install 'dragoman[tokens]'") from None
        own = importlib.import_module("tiktoken_ext.openai_public").ENCODING_CONSTRUCTORS
        known = [*_FILES, *(other for other in tiktoken.list_encoding_names() if other not in own)]
        if name not in known:
            raise ConfigError(KEY, f"{name!r} is not known", f"one of {', '.join(known)}")
        if name in _FILES:
            _check(name)
        return cls(tiktoken.get_encoding(name))

    def count(self, texts: Sequence[str]) -> float:
        chars = sum(map(len, texts))
        if chars <= WINDOW * WINDOWS:
            return len(self._encoding.encode_ordinary("".join(texts)))
        looked = list(_windows(texts, chars))
        tokens = sum(len(self._encoding.encode_ordinary(text)) for text in looked)
        return tokens * chars / sum(map(len, looked))


def _check(name: str) -> None:
    """Raises `ConfigError` unless tiktoken will find the encoding's file, whole."""
    file, digest = _FILES[name]
    address = _ADDRESS.format(file)
    folder = os.environ.get("TIKTOKEN_CACHE_DIR")  # noqa: TID251 - where tiktoken itself looks
    fetch = (
        f"TIKTOKEN_CACHE_DIR=DIR python -c 'import tiktoken; tiktoken.get_encoding(\"{name}\")', once, on the network"
    )
    if not folder:
        raise ConfigError(KEY, "needs TIKTOKEN_CACHE_DIR in the environment, the directory of its file", fetch)
    path = Path(folder) / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(KEY, f"{name!r} has no file: {path}: {error.strerror}", fetch) from None
    if found != digest:
        raise ConfigError(KEY, f"{path} is not the file of {name!r}", fetch)


def _windows(texts: Sequence[str], chars: int) -> Iterator[str]:
    """`WINDOWS` pieces at equal distances, none across two texts."""
    starts = [chars * number // WINDOWS for number in range(WINDOWS)]
    passed = 0
    for text in texts:
        while starts and starts[0] < passed + len(text):
            begin = starts.pop(0) - passed
            yield text[begin : begin + WINDOW]
        passed += len(text)
