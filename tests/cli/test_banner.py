import json
import shlex

from dragoman.cli import banner
from dragoman.config import Config, UpstreamConfig


def test_every_line_to_try_is_one_command_with_the_key() -> None:
    asked = []
    for title, line in banner.curl_lines("http://127.0.0.1:1", "drg_x", agent=True):
        words = shlex.split(line)
        assert title and words[0] == "curl" and "Authorization: Bearer drg_x" in words
        if "-d" in words:
            asked.append(json.loads(words[words.index("-d") + 1])["model"])
    assert asked == [banner.MODEL, banner.MODEL, banner.AGENT, banner.ASSISTANT]
    assert banner.ASSISTANT not in str(banner.curl_lines("http://127.0.0.1:1", "drg_x", agent=False))


def test_the_greeting_names_what_is_served() -> None:
    config = Config(upstreams={"u": UpstreamConfig(base_url="http://h")}, models={"a": "u", "b": "u"})
    assert banner.greeting("http://h:1", config, "1.0") == [
        "Dragoman 1.0 listens on http://h:1",
        "  upstreams  u",
        "  models     a, b",
    ]


def test_paragraphs_have_an_empty_line_between() -> None:
    assert banner.paragraphs(["a", "b"], [], ["c"]) == "a\nb\n\nc\n"
