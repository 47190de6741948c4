from pathlib import Path

import pytest

from dragoman.plugins import installed
from dragoman.plugins.size_guard import SizeGuard
from tests.outbound import acme


def test_what_other_distributions_offer_is_found_beside_what_is_built_in(tmp_path: Path) -> None:
    with acme.installing(tmp_path, size_guard="tests.outbound.acme:Stamp", acme_broken="no.such.module:Plugin"):
        assert set(installed.names()) >= {*installed.BUILT_IN, *acme.PLUGINS, "acme_broken"}
        assert len(set(installed.names())) == len(installed.names())
        assert installed.find("acme_stamp") is acme.Stamp
        assert installed.find("size_guard") is SizeGuard
        with pytest.raises(LookupError, match="cannot be loaded: ModuleNotFoundError"):
            installed.find("acme_broken")
        with pytest.raises(LookupError, match="is no class of"):
            installed.find("acme_nothing")
    with pytest.raises(LookupError, match="no plugin 'acme_stamp' is installed"):
        installed.find("acme_stamp")
