"""`dragoman chat`: a question, or a conversation, with a model behind a running gateway."""

import importlib
import sys

import click

from dragoman.cli import options
from dragoman.cli.conversation import Conversation
from dragoman.cli.output import Failure, complain, dump, note, plain, printable, say

URL = "http://127.0.0.1:8088"


@click.command()
@click.argument("message", required=False)
@click.option("--model", envvar="DRAGOMAN_MODEL", help="Model to ask; default the first that the gateway lists.")
@click.option("--url", envvar="DRAGOMAN_URL", default=URL, show_default=True, help="Gateway (DRAGOMAN_URL).")
@click.option("--key", envvar="DRAGOMAN_KEY", help="API key (DRAGOMAN_KEY).")
@options.as_json
def chat(message: str | None, model: str | None, url: str, key: str | None, as_json: bool) -> None:
    """Talk to a model through a running gateway.

    With MESSAGE, or text on stdin, one answer is streamed; without, on a terminal, a conversation begins.
    """
    if message is None and not sys.stdin.isatty():
        message = sys.stdin.read()
    if message is not None and not message.strip():
        raise click.UsageError("There is no message: give one as MESSAGE or on stdin.")
    if message is None and as_json:
        raise click.UsageError("--json answers one MESSAGE.")
    with Conversation(url, key, model) as conversation:
        if message is None:
            _talk(conversation)
        elif as_json:
            dump(plain(conversation.ask(message, lambda text: None)))
        else:
            _answer(conversation, message)


def _answer(conversation: Conversation, message: str) -> None:
    shown: list[str] = []

    def show(text: str) -> None:
        shown.append(printable(text, keep="\n\t"))
        say(shown[-1], end="")
        sys.stdout.flush()

    try:
        conversation.ask(message, show)
    finally:
        if shown:
            say()


def _talk(conversation: Conversation) -> None:
    """Questions and answers until end of file; an answer can be broken off with Ctrl-C."""
    # Gives `input` its line editing and history; it is imported here because a pipe has no use for it.
    importlib.import_module("readline")
    note(f"Talking to {conversation.model}. Ctrl-D ends.")
    while True:
        try:
            message = input("> ")
        except EOFError:
            say()
            return
        if not message.strip():
            continue
        try:
            _answer(conversation, message)
        except KeyboardInterrupt:
            note("(broken off)")
        except Failure as error:
            complain(error.message, error.hint)
