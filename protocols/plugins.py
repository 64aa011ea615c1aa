"""Plug-ins: models and classes that installed packages announce as entry points."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Annotated, Any, Generic, TypeVar, Union, get_args

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

Kind = TypeVar("Kind", bound=BaseModel)


@cache
def announced(group: str) -> EntryPoints:
    """The entry points of a group, read once a process: each look reads every package's files."""
    return entry_points(group=group)


class Registry(Mapping[str, type[Kind]], Generic[Kind]):
    """Models by the name of their kind: ours, then those of installed packages.

    The announced ones are imported when the registry is first read, so that their modules can
    import ours. As soon as a union was made of the models, none can be added.
    """

    def __init__(self, group: str, own: Iterable[type[Kind]]) -> None:
        """With our own models; `group` is that of the entry points of others."""
        self._group = group
        self._models: dict[str, type[Kind]] = {}
        self._complete = self._sealed = False
        for model in own:
            self.register(model)

    def register(self, model: type[Kind]) -> type[Kind]:
        """Add a model by the only value of its field `kind`; may decorate it.

        Raises:
            ValueError: another model has this kind, or a union was made already.
        """
        name = literal(model, "kind")
        if self._sealed:
            raise ValueError(
                f"{name!r} comes too late: announce {model.__qualname__} as an entry point "
                f"{self._group}"
            )
        if self._models.get(name, model) is not model:
            raise ValueError(
                f"the kind {name!r} is duplicated: {self._models[name].__qualname__} has it already"
            )
        self._models[name] = model
        return model

    def seal(self) -> tuple[type[Kind], ...]:
        """All models; from now on none can be added."""
        found = tuple(self._all().values())
        self._sealed = True
        return found

    def __getitem__(self, name: str) -> type[Kind]:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, type[Kind]]:
        if not self._complete:
            self._complete = True
            for entry in sorted(announced(self._group)):
                self.register(entry.load())
        return self._models


class OneOf(Generic[Kind]):
    """Annotation: a base class means the union of a registry's models, told apart by `key`.

    `part` takes from each model what the union is made of; the model itself if it is absent.
    """

    def __init__(
        self,
        registry: Registry[Kind],
        key: str,
        part: Callable[[type[Kind]], type[BaseModel]] | None = None,
    ) -> None:
        self._registry, self._key, self._part = registry, key, part

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        models = self._registry.seal()
        return handler.generate_schema(
            union(models if self._part is None else map(self._part, models), self._key)
        )


def union(models: Iterable[type[BaseModel]], key: str) -> Any:
    """The union of models that their field `key` tells apart."""
    return Annotated[Union[tuple(models)], Field(discriminator=key)]  # noqa: UP007  # made at run time


def literal(model: type[BaseModel], field: str) -> str:
    """The only value that a field of a model may have.

    Raises:
        ValueError: the field is absent or may have several values.
    """
    values = get_args(model.model_fields[field].annotation) if field in model.model_fields else ()
    if len(values) != 1:
        raise ValueError(f"{model.__qualname__} needs a field {field}: Literal[...] with one value")
    return str(values[0])
