from dragoman.policy.health import Verdict
from dragoman.policy.resources import Health

RULE = Health(unhealthy_after=3, healthy_after=2)


def after(checks: str) -> bool:
    """What is thought of an endpoint after good (`+`) and bad (`-`) checks."""
    verdict = Verdict(RULE)
    for check in checks:
        before = verdict.healthy
        assert verdict.note(check == "+") is (verdict.healthy is not before)
    return verdict.healthy


def test_it_takes_several_checks_in_a_row_to_change_the_verdict() -> None:
    assert all(after(checks) for checks in ("", "-", "--", "--+--", "---++", "---+-++"))
    assert not any(after(checks) for checks in ("---", "----", "--+---", "---+", "---+-+"))
