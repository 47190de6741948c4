"""The management API against its own document: what schemathesis makes of the schemas, right and wrong.

No answer is a 5xx, and each is of a status, a content type and a shape that the document has.
"""

import itertools
import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dragoman.gateway.openapi import document
from tests.fuzz.budget import AT_LENGTH, EXAMPLES, SECONDS, share
from tests.outbound.api import Api
from tests.outbound.conftest import change
from tests.support.live import running

CHECKS: Final = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance,
]  # fmt: skip
SCHEMA: Final = schemathesis.openapi.from_dict(document())
SHARE: Final = share(len([*SCHEMA.get_all_operations()]), EXAMPLES if AT_LENGTH else 110)
"""What one of the operations gets: in every test run little, for each example is a call over a socket."""
SCHEMA.config.phases.coverage.enabled = AT_LENGTH  # some thousand cases more, each bound of each member
MANY: Final = 50
"""After as many examples what they made is deleted: every change reads all there is."""
turns: Final = itertools.count()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    with running(tmp_path_factory.mktemp("schema"), change, timing="instant") as live:
        api = Api(live)
        with api.client:
            yield api


def known(api: Api, path: str) -> str:
    """The id of something that is there, for operations on one: made ids would find nothing."""
    number = next(turns)
    if "plugins" in path:
        return str(api.plugin("guard", "size_guard")["id"])
    upstream = api.upstream(f"known-{number}")
    return str(upstream["id"] if "upstreams" in path else api.route(upstream)["id"])


def forget(api: Api) -> None:
    for kind in ("routes", "upstreams"):
        for made in api.request("GET", f"/{kind}?limit=100").json()["items"]:
            assert api.request("DELETE", f"/{kind}/{made['id']}").status_code in (204, 404, 409)  # 409: of the file


@pytest.mark.timeout(SECONDS)
@SCHEMA.parametrize()
@settings(SHARE, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_of_the_document(api: Api, case: Any) -> None:
    if next(turns) % MANY == 0:
        forget(api)
    if "id" in case.path_parameters and next(turns) % 2:
        case.path_parameters["id"] = known(api, case.path)
    case.call_and_validate(base_url=api.live.url, headers=api.admin, checks=CHECKS)
