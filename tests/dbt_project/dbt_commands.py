"""dbt in the process of the tests, on any installation; the project is parsed once for them all, which is most of what a command costs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.dbt.project import DbtPaths, invoke, parse
from reverse_etl.settings import Settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest


@dataclass(frozen=True)
class Outcome:
    """``statuses``: node -> what dbt says of it; ``told``: what failed, and why."""

    succeeded: bool
    statuses: dict[str, str]
    told: str


@dataclass(frozen=True)
class Dbt:
    """``folder`` holds dbt's artefacts, a folder per target of the profile."""

    folder: Path
    parsed: dict[str, Manifest] = field(default_factory=dict)

    def target_folder(self, target: str = "dev") -> Path:
        return self.folder / target

    def __call__(self, settings: Settings, *arguments: str, target: str = "dev") -> Outcome:
        paths = replace(DbtPaths.of(settings), target=self.target_folder(target), logs=self.folder)
        if target not in self.parsed:
            self.parsed[target] = parse(paths) if target == "dev" else self._parse(paths, target)
        # The other core runs another file of tests.
        done = invoke(paths, [*arguments, "--target", target, "--no-write-json", "--threads", "1"], self.parsed[target])
        results = getattr(done.result, "results", None) or ()
        failed = [f"{result.node.name}: {result.message}" for result in results if str(result.status) in ("error", "fail")]
        told = "\n".join(failed) or str(done.exception)
        return Outcome(done.success, {result.node.name: str(result.status) for result in results}, told)

    @staticmethod
    def _parse(paths: DbtPaths, target: str) -> Manifest:
        parsed = invoke(paths, ["parse", "--target", target])
        assert parsed.success, parsed.exception
        return parsed.result  # type: ignore[return-value]
