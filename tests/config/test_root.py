import pytest

from dragoman.config import Config
from dragoman.policy.records import OutboundConfig
from dragoman.policy.tenants import TenantConfig


def test_a_configuration_cannot_be_changed_once_it_stands() -> None:
    with pytest.raises(AttributeError):
        Config().server.port = 1  # type: ignore[misc]


def test_each_tenant_names_its_own_secrets() -> None:
    outbound = OutboundConfig(allow_http=True, secrets=("env:ROOT_*",))
    config = Config(outbound=outbound, tenants={"shop": TenantConfig(secrets=("env:SHOP_*",)), "bank": TenantConfig()})
    assert config.leave("default") == outbound
    assert config.leave("shop") == OutboundConfig(allow_http=True, secrets=("env:SHOP_*",))
    assert config.leave("bank").secrets == config.leave("nobody").secrets == ()
