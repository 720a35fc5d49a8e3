"""What an installation says of its Xero organisations: their tenants, accounts, the tax type of lines, a link to our document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reverse_etl.errors import ConfigurationError, OutboxContractError
from reverse_etl.settings import Settings

NO_TAX = "NONE"
_LINK = re.compile(r"https?://[^\s\"<>]{1,500}")


@dataclass(frozen=True, slots=True)
class Options:
    """``tenants``: entity -> organisation; ``account_codes``: entity -> our code -> theirs; ``link`` holds ``{reference}``."""

    tenants: Mapping[str, str]
    account_codes: Mapping[str, Mapping[str, str]]
    tax_type: str = NO_TAX
    link: str | None = None

    def tenant(self, entity: str) -> str:
        """Raises OutboxContractError: the settings do not name it."""
        try:
            return self.tenants[entity]
        except KeyError:
            raise OutboxContractError(f"no organisation of Xero is told for {entity}: add its tenant under 'entities' of the destination") from None

    def account_code(self, entity: str, account: str) -> str:
        return self.account_codes.get(entity, {}).get(account, account)

    def own_account(self, entity: str, code: str) -> str:
        """Our code of one of their accounts; theirs where it stands for none of ours, or for several."""
        own = [ours for ours, theirs in self.account_codes.get(entity, {}).items() if theirs == code]
        return own[0] if len(own) == 1 else code

    def url(self, reference: str) -> str | None:
        return None if self.link is None else self.link.replace("{reference}", reference)


def options_of(settings: Settings, name: str) -> Options:
    """Raises ConfigurationError: an entity has no tenant, or an option is none."""
    destination = settings.destination(name)
    if not destination.entities:
        raise ConfigurationError(f"destination {name}: name the organisation of each entity under destinations.{name}.entities.<entity>.tenant")
    link = destination.options.get("link")
    if link is not None and (not _LINK.fullmatch(link) or "{reference}" not in link):
        raise ConfigurationError(f"destination {name}: options.link {link!r} is no URL that holds {{reference}}")
    known = {code.rpartition("/")[2] for code in destination.account_codes}
    return Options(
        tenants={entity: settings.option(name, "tenant", entity) for entity in destination.entities},
        account_codes={entity: {code: settings.account_code(name, entity, code) for code in known} for entity in destination.entities},
        tax_type=destination.options.get("tax_type", NO_TAX),
        link=link,
    )
