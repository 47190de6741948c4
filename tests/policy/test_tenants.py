import pytest

from dragoman.policy.tenants import ROOT, TenantConfig, Tenants


def tree(**parents: str) -> Tenants:
    return Tenants({name: TenantConfig(parent=parent) for name, parent in parents.items()})


def test_a_line_leads_from_a_tenant_to_the_root() -> None:
    tenants = tree(shop="retail", retail=ROOT, bank=ROOT)
    assert tenants.line("shop") == ("shop", "retail", ROOT)
    assert tenants.line("bank") == ("bank", ROOT)
    assert tenants.line(ROOT) == (ROOT,)
    assert tenants.line("nobody") == ()
    assert list(tenants) == [ROOT, "shop", "retail", "bank"]
    assert "shop" in tenants and "nobody" not in tenants


@pytest.mark.parametrize(
    ("parents", "name", "message"),
    [
        ({"a": "b"}, "a", "no tenant 'b'"),
        ({"a": "a"}, "a", "above itself"),
        ({"a": "b", "b": "c", "c": "b"}, "a", "above itself"),
        ({"default": "default"}, "default", "by itself"),
        ({"A": "default"}, "A", "no name"),
    ],
)
def test_what_is_no_tree_is_refused(parents: dict[str, str], name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        tree(**parents)
    assert caught.value.args[0] == name
