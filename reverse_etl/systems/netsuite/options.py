"""What an installation says of its NetSuite account: subsidiaries and currencies of the entities, accounts, how customers are named there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reverse_etl.errors import ConfigurationError, OutboxContractError
from reverse_etl.settings import Settings

BY_EXTERNAL_ID, BY_ID = "external_id", "id"
CUSTOMER_EXTERNAL_ID = "{entity}-{customer_id}"
# https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_156334828635.html
EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
Reference = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subsidiary:
    """One entity: ``id`` None is found by its external id, which is the entity's name; ``currency`` is the internal id of its base currency."""

    entity: str
    id: str | None
    currency: str

    @property
    def reference(self) -> Reference:
        return {"externalId": self.entity} if self.id is None else {"id": self.id}


@dataclass(frozen=True, slots=True)
class Options:
    """``account_codes``: entity -> our code -> theirs; ``accounts_by``: what theirs is, the account's external or internal id.

    ``approved``: entries say that they are, which accounts that route approvals by workflow do not let them.
    """

    subsidiaries: Mapping[str, Subsidiary]
    account_codes: Mapping[str, Mapping[str, str]]
    accounts_by: str = BY_EXTERNAL_ID
    customer_external_id: str = CUSTOMER_EXTERNAL_ID
    approved: bool = True

    def subsidiary(self, entity: str) -> Subsidiary:
        """Raises OutboxContractError: the settings do not name it."""
        try:
            return self.subsidiaries[entity]
        except KeyError:
            raise OutboxContractError(f"no subsidiary of NetSuite is told for {entity}: add it under 'entities' of the destination") from None

    def account_code(self, entity: str, account: str) -> str:
        return self.account_codes.get(entity, {}).get(account, account)

    def own_account(self, entity: str, code: str) -> str:
        """Our code of one of their accounts; theirs where it stands for none of ours, or for several."""
        own = [ours for ours, theirs in self.account_codes.get(entity, {}).items() if theirs == code]
        return own[0] if len(own) == 1 else code

    def account(self, entity: str, account: str) -> Reference:
        return {"externalId" if self.accounts_by == BY_EXTERNAL_ID else "id": self.account_code(entity, account)}

    def customer(self, entity: str, customer_id: str) -> str:
        """The external id of a customer.

        Raises:
            OutboxContractError: NetSuite takes no such external id.
        """
        text = self.customer_external_id.format(entity=entity, customer_id=customer_id)
        if not EXTERNAL_ID.fullmatch(text):
            raise OutboxContractError(f"customer {customer_id}: {text!r} is no external id for NetSuite, which takes letters, digits, _ and -")
        return text

    def customer_id(self, entity: str, external_id: str | None) -> str | None:
        """Our id of the customer with that external id; None if it is none of ours."""
        before, _, after = self.customer_external_id.replace("{entity}", entity).partition("{customer_id}")
        match = re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", external_id or "")
        return match[1] if match else None


def options_of(settings: Settings, name: str) -> Options:
    """Raises ConfigurationError: an entity has no currency, or an option is none."""
    destination = settings.destination(name)
    if not destination.entities:
        raise ConfigurationError(f"destination {name}: name the subsidiary and its currency under destinations.{name}.entities.<entity>")
    accounts_by = destination.options.get("accounts_by", BY_EXTERNAL_ID)
    if accounts_by not in (BY_EXTERNAL_ID, BY_ID):
        raise ConfigurationError(f"destination {name}: options.accounts_by is {accounts_by!r}; it is {BY_EXTERNAL_ID} or {BY_ID}")
    template = destination.options.get("customer_external_id", CUSTOMER_EXTERNAL_ID)
    if template.count("{customer_id}") != 1 or not EXTERNAL_ID.fullmatch(template.replace("{customer_id}", "").replace("{entity}", "") or "_"):
        raise ConfigurationError(
            f"destination {name}: options.customer_external_id {template!r} must hold {{customer_id}} once, and may hold {{entity}}"
        )
    approved = destination.options.get("approved", "true")
    if approved not in ("true", "false"):
        raise ConfigurationError(f"destination {name}: options.approved is {approved!r}; it is true or false")
    subsidiaries = {
        entity: Subsidiary(entity, _digits(name, entity, "subsidiary", own.get("subsidiary")), _currency(settings, name, entity))
        for entity, own in destination.entities.items()
    }
    known = {code.rpartition("/")[2] for code in destination.account_codes}
    codes = {entity: {code: settings.account_code(name, entity, code) for code in known} for entity in subsidiaries}
    return Options(subsidiaries, codes, accounts_by, template, approved == "true")


def _currency(settings: Settings, name: str, entity: str) -> str:
    # What an entry without a currency is in, is not the subsidiary's but the root parent's.
    return _digits(name, entity, "currency", settings.option(name, "currency", entity)) or ""


def _digits(name: str, entity: str, option: str, value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        raise ConfigurationError(f"destination {name}: entities.{entity}.{option} is {value!r}, not an internal id of NetSuite (a number)")
    return value
