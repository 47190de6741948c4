from dragoman.client.headers import Headers


def test_names_know_no_case_and_repeated_fields_are_joined() -> None:
    headers = Headers(
        [
            ("Content-Type", "text/plain"),
            ("Vary", "a"),
            ("vary", "b"),
            ("Set-Cookie", "x=1, y"),
        ]
    )
    assert headers["content-type"] == headers["CONTENT-TYPE"] == "text/plain"
    assert headers["Vary"] == "a, b"
    assert headers.all("VARY") == ("a", "b")
    assert headers.all("absent") == ()
    assert ("VARY" in headers, "absent" in headers) == (True, False)
    assert list(headers) == ["content-type", "vary", "set-cookie"]
    assert len(headers) == 3
    assert repr(Headers([("A", "b")])) == "Headers({'a': 'b'})"
