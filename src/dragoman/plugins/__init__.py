"""What a plugin is written against: a base class for each kind, the events it is told of, and what it may answer.

A plugin is a class that an installed distribution names as an entry point of the group `dragoman.plugins`. One of it is
made for each place where it is bound, with that binding's configuration. See docs/howto/plugins.md.
"""

from dragoman.plugins.base import Auth, Guard, Plugin, Transform
from dragoman.policy.plugins import Failure, Fields, Reject, Request, Respond, Response

__all__ = [
    "Auth", "Failure", "Fields", "Guard", "Plugin", "Reject", "Request", "Respond", "Response", "Transform",
]  # fmt: skip
