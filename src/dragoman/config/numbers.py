"""Whether what a table says of numbers can be meant."""

import msgspec

from dragoman.config.sections import TimeoutsConfig
from dragoman.errors import ConfigError, GatewayError
from dragoman.policy import resources
from dragoman.policy.resources import RateLimit


def check_numbers(
    at: str, section: msgspec.Struct, *, more_than_0: tuple[str, ...], not_negative: tuple[str, ...] = ()
) -> None:
    """`None` is no number; TOML has a NaN, which is neither."""
    for field in more_than_0:
        value: float | None = getattr(section, field)
        if value is not None and not value > 0:
            raise ConfigError(f"{at}.{field}", "must be more than 0")
    for field in not_negative:
        if not getattr(section, field) >= 0:
            raise ConfigError(f"{at}.{field}", "must not be negative")


def check_timeouts(at: str, timeouts: TimeoutsConfig) -> None:
    check_numbers(f"{at}.timeouts", timeouts, more_than_0=("connect", "first_byte", "idle", "total"))


def check_limit(at: str, limit: RateLimit | None) -> None:
    if limit is not None:
        try:
            resources.check_rate_limit(limit)
        except GatewayError as error:
            raise ConfigError(f"{at}.{error.param}", error.message) from None
        if limit.sharing != "private":
            raise ConfigError(f"{at}.rate_limit.sharing", "is of aliases alone: who may call this is no tenant's")
