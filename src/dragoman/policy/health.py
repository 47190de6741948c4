"""What the checks of one endpoint come to: some failures in a row put it out, some successes bring it back."""

from dragoman.policy.resources import Health


class Verdict:
    """Healthy until the checks say otherwise."""

    __slots__ = ("_rule", "_run", "healthy")

    def __init__(self, rule: Health) -> None:
        self._rule = rule
        self._run = 0
        """Checks in a row that speak against `healthy`."""
        self.healthy = True

    def note(self, good: bool) -> bool:
        """Takes the outcome of a check; whether that has changed `healthy`."""
        if good is self.healthy:
            self._run = 0
            return False
        self._run += 1
        if self._run < (self._rule.unhealthy_after if self.healthy else self._rule.healthy_after):
            return False
        self.healthy = good
        self._run = 0
        return True
