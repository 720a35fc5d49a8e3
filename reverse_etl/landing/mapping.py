"""Which relation a source's files land in, and which of their columns become which of its columns (``mappings/<source>.yaml``).

A column of a JSON line is a dotted path (``item.sku``). The built-in ``usage`` takes CloudEvents: in CSV and Parquet the columns specversion, id,
source, type, subject, time and data, data being the text of a JSON object; a mapping of its own builds that object from columns (``data:``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from reverse_etl.errors import ConfigurationError
from reverse_etl.landing.relations import DELIVERED_COLUMNS

EVENTS = "raw.usage_events"
BUILT_IN = Path(__file__).parent / "mappings"
_FIELD = re.compile(r"\{([^{}]+)\}")


def fields_of(template: str) -> tuple[str, ...]:
    """The columns that a template such as ``{SkuId}/{SkuPriceId}`` names."""
    return tuple(_FIELD.findall(template))


def parts_of(template: str) -> Iterator[tuple[bool, str]]:
    """A template as (is a column, text) parts."""
    for place, part in enumerate(_FIELD.split(template)):
        if part:
            yield place % 2 == 1, part


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """What a row must be: ``in`` and ``not_in`` compare delivered text (null in a list: an absent value), ``negative`` asks for a minus sign."""

    column: str
    among: tuple[str | None, ...] | None = Field(default=None, alias="in")
    not_among: tuple[str | None, ...] | None = Field(default=None, alias="not_in")
    negative: bool | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.among, self.not_among, self.negative)) != 1:
            raise ValueError("state exactly one of in, not_in, negative")
        return self


class RowFilter(Condition):
    """Rows that do not meet it are left out and counted. With a ``reason`` each becomes an explained exception (both texts are
    templates); without one they are merely not of this relation, as usage rows of a file are no customers."""

    reason: str | None = None
    remedy: str = "decide what it is, and record it"


class Value(_Strict):
    """One value of a row: a column, a constant, a template of columns (absent ones are empty), or the first of ``choose`` that applies."""

    column: str | None = None
    constant: str | None = None
    template: str | None = None
    choose: tuple[Choice, ...] | None = None
    otherwise: Value | None = None
    read_as: Literal["text", "utc_timestamp", "date", "json_object"] = Field(default="text", alias="as")
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _plain_text_is_a_column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.column, self.constant, self.template, self.choose)) != 1:
            raise ValueError("state exactly one of column, constant, template, choose")
        if (self.otherwise is not None) != (self.choose is not None):
            raise ValueError("choose and otherwise belong together")
        return self

    def columns(self) -> Iterator[tuple[str, bool]]:
        """The delivered columns it reads, each with whether the file may lack it."""
        if self.column is not None:
            yield self.column, self.optional
        if self.template is not None:
            yield from ((name, self.optional) for name in fields_of(self.template))
        for choice in self.choose or ():
            yield choice.when.column, False
            yield from choice.value.columns()
        if self.otherwise is not None:
            yield from self.otherwise.columns()


class Choice(_Strict):
    when: Condition
    value: Value


class FileFormat(_Strict):
    """``null_values`` are texts that mean absent; ``final_newline: optional`` accepts a CSV file whose last line is not ended."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    null_values: tuple[str, ...] = ("",)
    final_newline: Literal["required", "optional"] = "required"


class SourceMapping(_Strict):
    relation: str
    format: FileFormat = FileFormat()
    columns: Mapping[str, Value]
    data: Mapping[str, Value] | None = None
    where: tuple[RowFilter, ...] = ()
    distinct: bool = False

    @field_validator("relation")
    @classmethod
    def _known_relation(cls, relation: str) -> str:
        if relation not in DELIVERED_COLUMNS:
            raise ValueError(f"no delivery lands in {relation!r}: choose one of {', '.join(DELIVERED_COLUMNS)}")
        return relation

    @model_validator(mode="after")
    def _fits_relation(self) -> Self:
        known = DELIVERED_COLUMNS[self.relation]
        unknown = sorted(set(self.columns) - set(known))
        if unknown:
            raise ValueError(f"columns: {self.relation} has no {', '.join(unknown)}; it has {', '.join(known)}")
        if self.data is not None and (self.relation != EVENTS or "data" in self.columns):
            raise ValueError(f"data: only for {EVENTS}, and only where columns does not name data")
        if self.distinct and self.relation == EVENTS:
            raise ValueError("distinct: never for events, whose duplicates are counted later")
        if self.relation == EVENTS and any(condition.reason is None for condition in self.where):
            raise ValueError("where: an event that is left out needs a reason")
        return self

    def delivered_columns(self) -> dict[str, bool]:
        """Every column of the file that is read -> whether the file may lack it, in the order of the mapping."""
        read: dict[str, bool] = {}
        named = [pair for value in (*self.columns.values(), *(self.data or {}).values()) for pair in value.columns()]
        for condition in self.where:
            named.append((condition.column, False))
            named += [(name, False) for text in (condition.reason or "", condition.remedy) for name in fields_of(text)]
        for name, optional in named:
            read[name] = read.get(name, True) and optional
        return read


def load_mapping(source: str, own: Path) -> SourceMapping | None:
    """The mapping of a source: the installation's own one (``own/<source>.yaml``) or else the built-in one; None where there is neither.

    Raises:
        ConfigurationError: the file is not a valid mapping; names the file and the key.
    """
    for path in (own / f"{source}.yaml", BUILT_IN / f"{source}.yaml"):
        if path.is_file():
            return read_mapping(path)
    return None


def read_mapping(path: Path) -> SourceMapping:
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected a mapping with the keys relation and columns")
    try:
        return SourceMapping.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, detail['loc'])) or 'mapping'}: {detail['msg']}" for detail in error.errors())
        raise ConfigurationError(f"{path}: {problems}") from error
