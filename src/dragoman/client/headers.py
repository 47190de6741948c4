"""The headers of an answer: a mapping that knows no case and keeps repeated fields."""

from collections.abc import Iterable, Iterator, Mapping


class Headers(Mapping[str, str]):
    """Names in lower case; the values of a repeated field are joined by a comma (RFC 9110, 5.3)."""

    __slots__ = ("_fields",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, tuple[str, ...]] = {}
        for name, value in items:
            name = name.lower()
            self._fields[name] = (*self._fields.get(name, ()), value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._fields[name.lower()])

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field, one by one, as Set-Cookie needs it."""
        return self._fields.get(name.lower(), ())

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"
