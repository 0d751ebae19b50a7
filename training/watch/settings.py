"""What the laptop hands to scheduled runs: the stack, the limits, and what the steps have left."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from training.checks.limits import Limits
from training.config import Stack
from training.dataset.index import FILENAME
from training.results import Dataset, Deployment, Executions, RunResults, TrainedModel, load

NAME = "settings.json"
DATASET = "dataset"  # the directory of the index
STEPS = ("stage", "train", "deploy")  # whose results are handed over


@dataclass(frozen=True)
class Settings:
    """What a run is about."""

    stack: Stack
    limits: Limits
    results: RunResults  # of the executions only the start matters

    @property
    def since(self) -> datetime:
        """What was captured earlier is not looked at: another model may have answered."""
        return datetime.fromisoformat(self.results.executions.started_at)


def read_results(directory: Path, since: str | None = None) -> RunResults:
    """Return the results of the steps of a run's directory.

    Args:
        since: ISO 8601, where captures begin; None: with the last test.

    Raises:
        StepNotRunError: One is missing or damaged.
    """
    return RunResults(
        dataset=load(directory, "stage", Dataset),
        model=load(directory, "train", TrainedModel),
        deployment=load(directory, "deploy", Deployment),
        executions=load(directory, "test", Executions) if since is None else Executions(0, 0, 0, 0, since),
    )


def files_of(directory: Path, settings: Settings) -> dict[str, bytes]:
    """Return the files to hand over, by their names: a copy of a part of the run's directory."""
    paths = {f"results/{step}.json": directory / "results" / f"{step}.json" for step in STEPS}
    paths[f"{DATASET}/{FILENAME}"] = Path(settings.results.dataset.directory) / FILENAME
    optional = [f"profiles/{settings.results.model.training_job_name}.json", "metrics.csv", "review/answers.jsonl"]
    optional += [path.relative_to(directory).as_posix() for path in sorted(directory.glob("traffic/*/photos.csv"))]
    paths |= {name: directory / name for name in optional if (directory / name).exists()}
    given = {"outputs": asdict(settings.stack), "limits": asdict(settings.limits), "since": settings.since.isoformat()}
    text = json.dumps(given)
    return {NAME: text.encode(), **{name: path.read_bytes() for name, path in paths.items()}}


def read(directory: Path) -> Settings:
    """Return the settings of a directory with the files of `files_of`."""
    given: Any = json.loads((directory / NAME).read_bytes())
    results = read_results(directory, given["since"])
    dataset = replace(results.dataset, directory=str(directory / DATASET))
    return Settings(Stack(**given["outputs"]), Limits(**given["limits"]), replace(results, dataset=dataset))
