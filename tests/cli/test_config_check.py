from tests.cli.program import Home


def test_what_cannot_stand_fails_the_check_with_its_key(home: Home) -> None:
    file = home.path / "x.toml"
    for text, key in (
        ("[models]\na = 'nowhere'\n", "models.a"),
        ("[upstreams.u]\nbase_url = 'http://h/v1'\ncredential = 'bearer env:ABSENT'\n", "upstreams.u.credential"),
        ("[agents.a]\nobject = 'absent_module:x'\n", "agents.a.object"),
        ("nonsense", "x.toml"),
    ):
        file.write_text(text, "utf-8")
        done = home.run("config", "check", "x.toml")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {key}: ")


def test_a_file_is_named_once(home: Home) -> None:
    assert home.run("config", "check", "a.toml", "-c", "b.toml").returncode == 2
