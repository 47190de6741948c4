from dragoman.dialects.base import Codec
from dragoman.dialects.profile import Profile
from dragoman.dialects.responses.codec import RESPONSES
from dragoman.dialects.responses.stream import ResponsesReader, ResponsesWriter
from tests.dialects.responses.samples import setting


def test_the_codec_is_one() -> None:
    codec: Codec = RESPONSES
    assert (codec.name, RESPONSES.path) == ("responses", "/responses")


def test_each_stream_has_a_machine_of_its_own() -> None:
    reader = RESPONSES.reader(max_event=100, profile=Profile())
    assert isinstance(reader, ResponsesReader)
    assert RESPONSES.reader(profile=Profile()) is not reader
    assert isinstance(RESPONSES.writer(setting()), ResponsesWriter)
