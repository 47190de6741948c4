"""The caller's side of a WebSocket against the library's own server side, and against what no server may send."""

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.utils import accept_key

from dragoman.client.conversation import Conversation, check, handshake
from dragoman.client.errors import BuildError, ProtocolError, WebSocketClosed
from dragoman.client.headers import Headers
from dragoman.client.response import Head
from tests.wire.cuts import every_way

NONCE = bytes(range(16))
KEY = "AAECAwQFBgcICQoLDA0ODw=="


def server() -> Protocol:
    return Protocol(Side.SERVER, state=State.OPEN)


def sent(peer: Protocol) -> bytes:
    return b"".join(peer.data_to_send())


def taken(conversation: Conversation) -> list[str | bytes]:
    messages = []
    while (message := conversation.take()) is not None:
        messages.append(message)
    return messages


def heard(peer: Protocol, conversation: Conversation) -> list[Frame]:
    peer.receive_data(conversation.outgoing())
    return [frame for frame in peer.events_received() if isinstance(frame, Frame)]


def test_a_handshake_asks_for_no_extension() -> None:
    assert handshake(NONCE, ("a", "b")) == [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Protocol", "a, b"),
    ]
    assert len(handshake(NONCE, ())) == 4


def answer(status: int = 101, **headers: str) -> Head:
    fields = {"upgrade": "WebSocket", "sec-websocket-accept": accept_key(KEY)}
    return Head(status, Headers((fields | {name.replace("_", "-"): value for name, value in headers.items()}).items()))


def test_an_answer_agrees_to_what_was_asked_or_is_refused() -> None:
    assert check(answer(), NONCE, ()) == ""
    assert check(answer(sec_websocket_protocol="b"), NONCE, ("a", "b")) == "b"
    for head, why in (
        (answer(200), "a 200"),
        (answer(upgrade="h2c"), "a 101"),
        (answer(sec_websocket_accept=accept_key("other")), "another handshake"),
        (answer(sec_websocket_extensions="permessage-deflate"), "extension"),
        (answer(sec_websocket_protocol="c"), "'c'"),
    ):
        with pytest.raises(ProtocolError, match=why):
            check(head, NONCE, ("a", "b"))


def test_messages_are_whole_however_they_were_cut_or_fragmented() -> None:
    peer = server()
    peer.send_text("\u20ac uro".encode())
    peer.send_binary(b"\x00\xff")
    peer.send_text("na\u00efve".encode()[:3], fin=False)
    peer.send_ping(b"between")
    peer.send_continuation("na\u00efve".encode()[3:], fin=True)
    peer.send_binary(b"")
    data = sent(peer)
    for parts in every_way(data):
        conversation = Conversation()
        for part in parts:
            if part:
                conversation.receive(part)
        assert taken(conversation) == ["\u20ac uro", b"\x00\xff", "na\u00efve", b""]
        assert [frame.opcode for frame in heard(server(), conversation)] == [Opcode.PONG]
        assert not conversation.over


def test_messages_go_out_as_text_and_binary() -> None:
    conversation, peer = Conversation(), server()
    conversation.send("\u20ac")
    conversation.send(b"\x00")
    frames = heard(peer, conversation)
    assert [(frame.opcode, bytes(frame.data)) for frame in frames] == [
        (Opcode.TEXT, b"\xe2\x82\xac"), (Opcode.BINARY, b"\x00"),
    ]  # fmt: skip


def test_a_close_of_theirs_is_answered_and_told() -> None:
    conversation, peer = Conversation(), server()
    peer.send_text(b"last")
    peer.send_close(1012, "restart")
    conversation.receive(sent(peer))
    assert taken(conversation) == ["last"]
    assert conversation.over
    assert (conversation.closed.code, conversation.closed.reason) == (1012, "restart")
    assert [frame.opcode for frame in heard(peer, conversation)] == [Opcode.CLOSE]
    with pytest.raises(WebSocketClosed, match="1012: restart"):
        conversation.send("too late")


def test_a_close_of_ours_waits_for_theirs() -> None:
    conversation, peer = Conversation(), server()
    conversation.close(1000, "done")
    conversation.close(1001, "only once")
    with pytest.raises(WebSocketClosed, match="this side"):
        conversation.send("too late")
    assert [bytes(frame.data) for frame in heard(peer, conversation)] == [b"\x03\xe8done"]
    conversation.receive(sent(peer))
    assert conversation.over
    assert conversation.closed.code == 1000


def test_a_connection_that_ends_without_a_close_is_abnormal() -> None:
    conversation = Conversation()
    conversation.receive(b"")
    assert conversation.over
    assert conversation.closed.code == 1006


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02\xff\xfe", 1007),  # text that is not UTF-8
        (b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), 1009),  # a message of a tebibyte
        (b"\x81\x80\x00\x00\x00\x00", 1002),  # masked, which only callers do
        (b"\xc1\x01a", 1002),  # of an extension
        (b"\x80\x01a", 1002),  # a continuation of nothing
    ],
)
def test_what_no_server_may_send_ends_it_with_the_code_for_that(data: bytes, code: int) -> None:
    conversation = Conversation()
    conversation.receive(data)
    assert conversation.over
    assert conversation.closed.code == code
    assert taken(conversation) == []


def test_a_message_in_fragments_is_limited_as_a_whole() -> None:
    conversation, peer = Conversation(max_message=10), server()
    peer.send_binary(b"123456", fin=False)
    peer.send_continuation(b"123456", fin=True)
    conversation.receive(sent(peer))
    assert conversation.closed.code == 1009


def test_a_code_that_may_not_be_sent_is_refused() -> None:
    with pytest.raises(BuildError, match="closed so"):
        Conversation().close(1006, "")
