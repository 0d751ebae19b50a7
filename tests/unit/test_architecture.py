"""Imports go one way: no circles, and each room imports only the rooms that it is allowed to."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("commandline", "localcloud", "training")

# Each room, and what it may import besides itself. A room is a package or module; the longest name that fits counts.
ALLOWED = {
    "commandline": set[str](),
    "localcloud": set[str](),  # its error
    "localcloud.files": {"localcloud"},
    "localcloud.ports": set[str](),
    "localcloud.keys": {"localcloud"},
    "localcloud.environment": {"localcloud", "localcloud.keys"},
    "localcloud.instances": {"localcloud", "localcloud.environment", "localcloud.files"},
    "localcloud.process": {
        "localcloud",
        "localcloud.environment",
        "localcloud.instances",
        "localcloud.keys",
        "localcloud.ports",
    },
    "localcloud.supervisor": set[str](),
    "localcloud.log_viewer": {"localcloud", "localcloud.environment", "localcloud.instances"},
    "localcloud.identity": {"localcloud.environment"},
    "localcloud.signatures": {"localcloud.environment"},
    "localcloud.protocols": set[str](),
    "localcloud.front_door": {"localcloud.protocols", "localcloud.signatures"},
    "localcloud.header_limit": {"localcloud.front_door"},
    "localcloud.function_runtime": set[str](),
    "localcloud.segments": set[str](),
    "localcloud.store": {"localcloud.files", "localcloud.segments"},
    "localcloud.corrections": {
        "localcloud",
        "localcloud.files",
        "localcloud.function_runtime",
        "localcloud.identity",
        "localcloud.sagemaker.errors",
        "localcloud.sagemaker.validation",
        "localcloud.segments",
        "localcloud.step_functions",
        "localcloud.store",
    },
    "localcloud.step_functions": {
        "localcloud",
        "localcloud.identity",
        "localcloud.sagemaker.errors",
        "localcloud.sagemaker.validation",
    },
    "localcloud.sagemaker": {
        "localcloud.files",
        "localcloud.identity",
        "localcloud.ports",
        "localcloud.sagemaker.errors",
        "localcloud.sagemaker.validation",
    },
    # What the JSON protocols have in common: error answers, and the check of a request against botocore's model.
    "localcloud.sagemaker.errors": set[str](),
    "localcloud.sagemaker.validation": {"localcloud.sagemaker.errors"},
    "localcloud.server": {
        "localcloud",
        "localcloud.corrections",
        "localcloud.environment",
        "localcloud.front_door",
        "localcloud.header_limit",
        "localcloud.identity",
        "localcloud.instances",
        "localcloud.keys",
        "localcloud.sagemaker",
        "localcloud.supervisor",
    },
    "localcloud.__main__": {
        "commandline",
        "localcloud",
        "localcloud.environment",
        "localcloud.files",
        "localcloud.instances",
        "localcloud.log_viewer",
        "localcloud.process",
        "localcloud.supervisor",
    },
}
# training/ from the top: a room may import those of lower layers only, so no step imports another.
TRAINING_LAYERS = (
    ("run",),
    ("steps", "explanations"),
    ("plan",),
    ("planned_checks", "planned_costs"),
    (
        "stage",
        "train",
        "deploy",
        "executions",
        "monitor",
        "cleanup",
        "status",
        "batch",
        "review",
        "threshold",
        "learning",
        "traffic",
        "watch",
    ),
    ("comparison",),
    ("candidate",),
    ("endpoint", "predictions"),
    ("preflight",),
    (
        "adoption",
        "arguments",
        "concurrency",
        "job_progress",
        "profiles",
        "provenance",
        "region",
        "remains",
        "running",
        "sent_photos",
        "stack",
        "summary",
        "workflow",
    ),
    (
        "argument_groups",
        "costs",
        "dataset",
        "examples",
        "expiry",
        "guardrails",
        "job_metrics",
        "objects",
        "programs",
        "report",
        "scaling",
        "watch.schedule",
    ),
    ("batch_arguments", "monitor_arguments", "threshold_arguments", "traffic_arguments"),
    ("review_arguments", "review.estimate"),
    ("review.answers", "review.selection"),
    ("argument_types", "schedules"),
    ("context", "options", "results", "csv_files", "console"),
    ("captures",),
    ("config", "errors", "atomic", "checks", "paired", "streams", "refusals"),
    ("statistics",),
)
for number, layer in enumerate(TRAINING_LAYERS):
    below = {f"training.{room}" for lower in TRAINING_LAYERS[number + 1 :] for room in lower}
    ALLOWED |= {f"training.{room}": below for room in layer}
ALLOWED |= {"training": set(), "training.algorithm": set()}  # the algorithm goes into a container alone
# Photos are decoded when they are staged as an endpoint decodes them, and measured as the profile's photos were.
for name in ("training.captures", "training.dataset", "training.profiles", "training.report", "training.statistics"):
    ALLOWED[name] = ALLOWED[name] | {"training.algorithm"}
for name in ("training.arguments", "training.argument_groups", "training.explanations", "training.region"):
    ALLOWED[name] = ALLOWED[name] | {"commandline"}

KNOWS_MINISTACK = {"localcloud.corrections", "localcloud.identity", "localcloud.server", "localcloud.signatures"}


@cache
def modules() -> dict[str, Path]:
    """Return the files of the packages by the names of their modules."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {module_name(path): path for path in files}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def imports(module: str) -> frozenset[str]:
    """Return what a module imports, wherever in the file: modules of ours by their full names, others as written."""
    tree = ast.parse(modules()[module].read_text())
    return frozenset(name for node in ast.walk(tree) for name in imported_names(node, module))


def imported_names(node: ast.AST, module: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = absolute_name(node, module)
        for name in node.names:
            submodule = f"{source}.{name.name}"
            yield submodule if submodule in modules() else source


def absolute_name(node: ast.ImportFrom, module: str) -> str:
    """Return the full name of what `from ... import` names; a relative one starts in the module's own package."""
    if not node.level:
        return node.module or ""
    is_package = modules()[module].name == "__init__.py"
    parts = module.split(".") if is_package else module.split(".")[:-1]
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def room_of(module: str) -> str | None:
    return max((room for room in ALLOWED if f"{module}.".startswith(f"{room}.")), key=len, default=None)


def test_no_imports_go_in_circles() -> None:
    graph = {module: imports(module) & modules().keys() - {module} for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as err:
        pytest.fail(f"circle: {' -> '.join(err.args[1])}")


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_room_imports_only_what_it_may(module: str) -> None:
    room = room_of(module)
    assert room is not None, f"{module} belongs to no room: give it one in ALLOWED"
    rooms = {found for name in imports(module) if name in modules() and (found := room_of(name))}
    assert rooms - {room} <= ALLOWED[room]


@pytest.mark.parametrize("module", sorted(modules()))
def test_few_rooms_know_ministack(module: str) -> None:
    if any(name.split(".")[0] == "ministack" for name in imports(module)):
        assert room_of(module) in KNOWS_MINISTACK
