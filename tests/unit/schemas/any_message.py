"""Hypothesis strategies for whatever the types allow, read off the types themselves."""

from datetime import UTC
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from exposure_schemas import MESSAGE_TYPES, Exposure, Message


def messages_of(message_type: str) -> st.SearchStrategy[Message]:
    """Return a strategy for every message of a type."""
    found: st.SearchStrategy[Message] = _values(inspect.type_info(MESSAGE_TYPES[message_type]))
    return found


def exposures() -> st.SearchStrategy[Exposure]:
    """Return a strategy for every exposure."""
    found: st.SearchStrategy[Exposure] = _values(inspect.type_info(Exposure))
    return found


def _values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StructType(cls=struct, fields=fields):
            return st.builds(struct, **{field.name: _values(field.type) for field in fields})
        case inspect.Metadata(extra_json_schema={"pattern": str(pattern)}, type=inspect.StrType(max_length=longest)):
            return _texts(pattern, 1, longest)
        case inspect.Metadata(type=inner):
            return _values(inner)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_values, types))
        case _:
            return _sequences(kind)


def _sequences(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.VarTupleType(item_type=item, min_length=least):
            return st.lists(_values(item), min_size=least or 0, max_size=(least or 0) + 2).map(tuple)
        case inspect.TupleType(item_types=items):  # the one there is, a span, ascends
            return st.tuples(*map(_values, items)).map(sorted).map(tuple)
        case _:
            return _scalars(kind)


def _scalars(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StrType(pattern=pattern, min_length=least, max_length=most):
            return _texts(pattern, least or 0, most)
        case inspect.IntType(ge=least, le=most):
            return st.integers(least, most)
        case inspect.FloatType(ge=least, gt=above, le=most):
            return st.floats(above if least is None else least, most, exclude_min=above is not None)
        case inspect.DateTimeType():
            return st.datetimes(timezones=st.just(UTC))
        case _:
            return _choices(kind)


def _choices(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case _:
            raise NotImplementedError(f"no strategy for {kind}")


def _texts(pattern: str | None, shortest: int, longest: int | None) -> st.SearchStrategy[str]:
    if pattern is None:
        return st.text(min_size=shortest, max_size=min(longest or 20, 20))
    # A pattern that ends with $ would make texts with a line feed behind, unless it matches as a whole.
    fitting = st.from_regex(pattern, fullmatch=True)
    return fitting.filter(lambda text: shortest <= len(text) <= (longest or len(text)))


any_message: st.SearchStrategy[Message] = st.one_of(*map(messages_of, MESSAGE_TYPES))
