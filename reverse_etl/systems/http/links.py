"""Links to pages of a described destination, from a template of an absolute URL. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from reverse_etl.errors import ConfigurationError
from reverse_etl.systems.http import scopes
from reverse_etl.systems.http.templates import Template, TemplateError, Text, compiled, text_of


def link_template(source: str, where: str) -> Template:
    """Raises ConfigurationError: it is no template of an http or https URL with a host of its own."""
    try:
        template = compiled(source, where, scopes.LINK)
    except TemplateError as error:
        raise ConfigurationError(str(error)) from error
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https") or not parts.hostname or "{remote_id" in parts.netloc:
        raise ConfigurationError(f"{where}: {source!r} is no URL of http or https with {{remote_id}} behind its host")
    return template


def link_of(template: Template, scope: Mapping[str, Any]) -> str | None:
    """None where an option that the link names is not told for the entity. What is inserted never adds a part to the URL."""
    try:
        if not isinstance(template, Text):
            return text_of(template.value(scope))
        return "".join(part if isinstance(part, str) else quote(text_of(part.value(scope)), safe="") for part in template.parts)
    except (TemplateError, TypeError):
        return None
