"""One installation of Tieout: its settings, and the parts opened from them."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reverse_etl.settings import Settings
from reverse_etl.warehouse import Warehouse, open_warehouse

if TYPE_CHECKING:
    from reverse_etl.register import Register
    from reverse_etl.systems.contract import BillingPlatform, System


@dataclass(frozen=True, slots=True)
class Installation:
    """``acting_as`` says who acts where another party has authenticated them; no command and no variable sets it."""

    settings: Settings
    acting_as: str | None = None

    @property
    def warehouse(self) -> Warehouse:
        return open_warehouse(self.settings)

    @property
    def actor(self) -> str:
        """Who acts: the operating system's user, whom it has authenticated."""
        return self.acting_as or operating_system_user()

    def open_register(self) -> Register:
        from reverse_etl.register import Register

        return Register.open(self.settings.register_url)

    def open_billing_platform(self) -> BillingPlatform:
        """Raises ``ConfigurationError`` when there is no secret for it."""
        from reverse_etl.systems.stripe import open_stripe

        return open_stripe(self.settings)

    def open_system(self, name: str) -> System:
        """Raises ``ConfigurationError`` when there is no such destination or kind, or a secret or an option is missing."""
        from reverse_etl.systems import open_system

        return open_system(self.settings, name)


def operating_system_user() -> str:
    """The user that the kernel knows this process by: names in the environment are anyone's to set."""
    identity = os.getuid()
    try:
        return pwd.getpwuid(identity).pw_name
    except KeyError:
        return f"uid-{identity}"
