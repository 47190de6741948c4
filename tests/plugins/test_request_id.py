from dragoman.plugins.request_id import RequestId, Settings
from tests.plugins.asked import request, response


async def test_the_id_stands_alone_under_its_further_name_both_ways() -> None:
    plugin = RequestId(Settings(), {})
    headers = (("accept", "a"), ("x-correlation-id", "forged"))
    assert (await plugin.on_request(request(headers=headers))).headers == (("accept", "a"), ("x-correlation-id", "r"))
    assert (await plugin.on_response(response())).headers == (("x-correlation-id", "r"),)
