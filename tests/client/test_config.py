import pytest

from dragoman.client.config import PROVIDER_URL, ClientConfig, provider_from_env
from dragoman.client.errors import BuildError


@pytest.mark.parametrize(
    ("environ", "url", "key"),
    [
        ({"OAGW_AUTH_TOKEN": "t", "OAGW_BASE_URL": "https://oagw.example.com"}, "https://oagw.example.com", "t"),
        ({"DRAGOMAN_KEY": "k", "OAGW_AUTH_TOKEN": "t"}, "http://127.0.0.1:8088", "k"),
        ({"DRAGOMAN_KEY": "k", "DRAGOMAN_BASE_URL": "http://a/", "OAGW_BASE_URL": "http://b"}, "http://a", "k"),
        ({"DRAGOMAN_KEY": "k", "DRAGOMAN_URL": "http://c", "DRAGOMAN_BASE_URL": ""}, "http://c", "k"),
    ],
)
def test_the_environment_names_gateway_and_key(environ: dict[str, str], url: str, key: str) -> None:
    config = ClientConfig.from_env(environ)
    assert (config.base_url, config.key) == (url, key)


def test_the_environment_of_the_process_is_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_KEY", "from-the-process")
    assert ClientConfig.from_env().key == "from-the-process"


def test_a_model_is_looked_for_where_openai_s_clients_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provider_from_env({}) == (PROVIDER_URL, None)
    assert provider_from_env({"OPENAI_BASE_URL": "", "OPENAI_API_KEY": "k"}) == (PROVIDER_URL, "k")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://a/v1")
    assert provider_from_env()[0] == "http://a/v1"


def test_a_key_must_be_there() -> None:
    with pytest.raises(BuildError, match="DRAGOMAN_KEY"):
        ClientConfig.from_env({"DRAGOMAN_BASE_URL": "http://a", "DRAGOMAN_KEY": ""})


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8088", "ftp://host", "http://", "http://user:pass@host", "http://host?x=1", "http://host#x"],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BuildError, match="base_url"):
        ClientConfig.remote(url)


@pytest.mark.parametrize("key", ["", " ", "drg_x\n", "drg_\u00e9", "a\0b"])
def test_a_key_that_was_copied_badly_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(BuildError, match="key") as raised:
        ClientConfig.remote("http://host", key)
    assert not key.strip() or key not in str(raised.value)


def test_a_key_is_not_shown() -> None:
    assert "drg_secret" not in repr(ClientConfig.remote("http://host", "drg_secret"))
