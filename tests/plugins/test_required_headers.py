from dragoman.plugins.required_headers import RequiredHeaders, Settings
from tests.plugins.asked import request, response

plugin = RequiredHeaders(Settings(request=("X-Tenant",), response=("ETag",)), {})


async def test_a_header_must_be_there_and_say_something() -> None:
    assert await plugin.on_request(request(headers=(("x-tenant", "t"),))) is None
    for headers in ((), (("x-tenant", " "),), (("x-tenants", "t"),)):
        said = await plugin.on_request(request(headers=headers))
        assert said is not None and (said.status, said.code) == (400, "REQUIRED_HEADER_MISSING")
        assert "'X-Tenant'" in said.detail


async def test_so_must_one_of_an_answer() -> None:
    assert await plugin.on_response(response(headers=(("etag", '"1"'),))) is None
    said = await plugin.on_response(response())
    assert said is not None and said.status == 502
