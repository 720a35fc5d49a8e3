"""Errors are types; a message says what happened, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class TieoutError(Exception):
    """Anything Tieout raises on purpose. The command line prints it as one line."""


class ConfigurationError(TieoutError):
    """The settings or the environment are wrong."""


class OutboxContractError(TieoutError):
    """The warehouse handed over something the outbox contract does not allow."""


class RegisterError(TieoutError):
    """The register cannot be used as it is."""


class PeriodError(RegisterError):
    """An accounting period cannot take the status, or the document, that it was asked to."""


class BrokenSealError(PeriodError):
    """What a closed period holds is not what it was closed with (J12)."""


class ApprovalError(TieoutError):
    """A decision cannot be asked for or taken as it was meant."""


class MakerIsCheckerError(ApprovalError):
    """Whoever asked for a decision wants to approve it too."""


class WarehouseBusyError(TieoutError):
    """Another process is writing to the warehouse."""


class PlanError(TieoutError):
    """A plan file cannot be read, or is not what it says."""


class PlanMovedError(PlanError):
    """What a plan was made of is no longer so: a push that holds itself to it does nothing (more)."""


class LaneBusyError(TieoutError):
    """Another poster works on the same destination and entity."""


class DestinationError(TieoutError):
    """A destination could not be read (pushes never raise: they classify)."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """What a message about an unknown name ends with: `` (did you mean 'a' or 'b'?)``, or nothing where nothing known is like it."""
    # Asked for only by what failed already.
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in known}
    found = [by_folded[name] for name in get_close_matches(given.casefold(), by_folded, n=3, cutoff=0.6)]
    return f" (did you mean {' or '.join(repr(name) for name in found)}?)" if found else ""
