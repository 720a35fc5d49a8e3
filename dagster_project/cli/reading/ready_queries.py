"""The ready queries of ``dbt_project/analyses``: what each answers, what it is given, and its statement for the published copy.

A query begins with comments: ``question``, ``grain`` and ``parameter NAME, required|optional: ...``. In the file relations are named with ``ref`` and
``source``, so that dbt knows what it reads, and parameters with the macro ``parameter``. All three are put in place here as dbt would, without
loading dbt.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dagster_project.shipped import DBT_PROJECT
from reverse_etl.errors import ConfigurationError, did_you_mean

ANALYSES = DBT_PROJECT / "analyses"
_HEADER = re.compile(r"-- (question|grain): (.+)")
_PARAMETER = re.compile(r"-- parameter ([a-z_]+), (required|optional): (.+)")
_USED = re.compile(r"\{\{ parameter\('([a-z_]+)'\) \}\}")
_MODEL = re.compile(r"\{\{ ref\('([a-z0-9_]+)'\) \}\}")
_SOURCE = re.compile(r"\{\{ source\('([a-z0-9_]+)', '([a-z0-9_]+)'\) \}\}")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class ReadyQuery:
    """``template``: the SQL of the file."""

    name: str
    question: str
    grain: str
    parameters: tuple[Parameter, ...]
    template: str

    def bound(self, given: Mapping[str, str]) -> dict[str, str | None]:
        """A value for each parameter; None for an optional one that is not given.

        Raises:
            ConfigurationError: the query has no such parameter, or a required one is missing.
        """
        known = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in known:
                takes = f"it takes {', '.join(known)}" if known else "it takes none"
                raise ConfigurationError(f"query {self.name} has no parameter {name!r}{did_you_mean(name, known)}; {takes}")
        missing = [parameter for parameter in self.parameters if parameter.is_required and parameter.name not in given]
        if missing:
            told = "; ".join(f"--set {parameter.name}=... ({parameter.description})" for parameter in missing)
            raise ConfigurationError(f"query {self.name} needs {told}")
        return {name: given.get(name) for name in known}

    def relations(self) -> tuple[set[str], set[tuple[str, str]]]:
        """The names of the models, and the names of the sources with their tables, that it reads."""
        return set(_MODEL.findall(self.template)), set(_SOURCE.findall(self.template))

    def statement(self, schema_of: Callable[[str], str]) -> str:
        """The SQL to run, with a named parameter for each of ``parameters``. ``schema_of`` tells where a model is."""
        text = _MODEL.sub(lambda found: f'{schema_of(found[1])}."{found[1]}"', self.template)
        text = _SOURCE.sub(lambda found: f'{source_schema(found[1])}."{found[2]}"', text)
        return _USED.sub(lambda found: f"${found[1]}", text)


def source_schema(source: str) -> str:
    """The register's mirror and raw are all that is not built."""
    return "register" if source.startswith("register_") else "raw"


@functools.cache
def ready_queries() -> Mapping[str, ReadyQuery]:
    """Every query by name. Raises ``ConfigurationError`` for one whose head is not as it must be."""
    return {path.stem: parsed(path.stem, path.read_text(encoding="utf-8")) for path in sorted(ANALYSES.glob("*.sql"))}


def ready_query(name: str) -> ReadyQuery:
    """One query; dashes are as good as underscores. Raises ``ConfigurationError``: there is none of that name."""
    queries = ready_queries()
    found = queries.get(name.replace("-", "_"))
    if found is None:
        meant = did_you_mean(name.replace("-", "_"), queries)
        raise ConfigurationError(f"no query named {name!r}{meant}; 'tieout query' lists them")
    return found


def parsed(name: str, text: str) -> ReadyQuery:
    """A query from its file. Raises ``ConfigurationError`` where the head does not say what the statement asks for."""
    head: Sequence[str] = [line for line in text.split("\nwith", 1)[0].splitlines() if line.startswith("-- ")]
    told = {found[1]: found[2] for line in head if (found := _HEADER.fullmatch(line))}
    parameters = tuple(Parameter(found[1], found[2] == "required", found[3]) for line in head if (found := _PARAMETER.fullmatch(line)))
    used = set(_USED.findall(text))
    if len(told) + len(parameters) != len(head) or set(told) != {"question", "grain"} or used != {parameter.name for parameter in parameters}:
        raise ConfigurationError(
            f"{ANALYSES / f'{name}.sql'}: it must begin with '-- question: ...', '-- grain: ...' and, for every parameter it uses and no other, "
            "'-- parameter NAME, required|optional: ...'"
        )
    return ReadyQuery(name, told["question"], told["grain"], parameters, text)
