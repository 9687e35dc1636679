"""The walls of the house, read from the source: who may import whom.

core/ is a ladder: a module imports only from rungs above its own, or from its own folder. dashboard/ is an
arrow: app -> pages -> controls -> gateway -> core, with leaves. A new module gets a place in CORE or
DASHBOARD: the one that says what it may lean on.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]

# Top to bottom: each may import what stands above it.
CORE = (
    "errors", "files", "jobs", "families", "settings", "config", "device", "data", "models", "terms", "corruption",
    "objectives", "recipes", "latents", "weights", "encoding", "store", "analysis", "generation", "pixel_errors",
    "runs", "projected", "scoring", "denoising", "units", "training", "bundled", "lessons", "cli", "__main__",
)  # fmt: skip
# Each room of the dashboard, and the rooms that it may import.
LEAVES = {"theme", "charts", "components"}
DASHBOARD = {
    "theme": set(),
    "charts": {"theme"},
    "components": {"theme"},
    "state": {"theme"},
    "gateway": LEAVES,
    "controls": {"state", "gateway", *LEAVES},
    "pages": {"controls", "state", "gateway", *LEAVES},
    "app": {"pages", "controls", "state", "gateway", *LEAVES},
}
WITHOUT_STREAMLIT = {"theme", "charts"}
NEVER_IN_CORE = {"streamlit", "plotly", "altair", "dashboard"}
TORCH = {"torch", "torchvision", "torchaudio", "safetensors.torch"}
# These must be importable, in this order, without torch or Streamlit being loaded.
LIGHT = (
    "core", "core.config", "core.families", "core.recipes", "core.store", "core.latents", "core.data.catalog",
    "core.runs", "core.analysis", "core.training.status", "core.training.probe",
    "core.training.jobs", "core.training.sweep", "core.cli",
)  # fmt: skip
FOLDERS = {".ci", ".streamlit", "benchmarks", "checkpoints", "core", "dashboard", "docs", "tests"}


@dataclass(frozen=True)
class Import:
    """One imported name, absolute; `at_start` if it runs when its module is loaded."""

    target: str
    line: int
    at_start: bool


def imports(
    tree: ast.AST, package: str, at_start: bool = True, typing_only: bool = False
) -> Iterator[Import]:
    """All imports below `tree`: those inside functions, under TYPE_CHECKING and by `import_module` too."""
    for node in ast.iter_child_nodes(tree):
        loads = at_start and not typing_only
        match node:
            case ast.Import(names=names):
                yield from (Import(name.name, node.lineno, loads) for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = ".".join(package.split(".")[: len(package.split(".")) - level + 1]) if level else ""
                source = ".".join(part for part in (above, module) if part)
                yield from (Import(f"{source}.{name.name}", node.lineno, loads) for name in names)
            case ast.Call(
                func=ast.Name("__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield Import(name, node.lineno, loads)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from imports(ast.Module(node.body, []), package, at_start, True)
            yield from imports(ast.Module(node.orelse, []), package, at_start, typing_only)
        else:
            yield from imports(node, package, at_start and not inside, typing_only)


def read(root: Path) -> dict[str, tuple[str, list[Import]]]:
    """Module name -> (its path as a person would say it, its imports), for core, dashboard and the entry."""
    found = {}
    files = [*root.glob("core/**/*.py"), *root.glob("dashboard/**/*.py"), *root.glob("streamlit_app.py")]
    for path in sorted(files):
        parts = path.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        package = module if is_package else module.rpartition(".")[0]
        tree = ast.parse(path.read_bytes(), path.name)
        found[module] = (path.relative_to(root).as_posix(), list(imports(tree, package)))
    return found


def within(target: str, names: set[str]) -> bool:
    """Whether `target` is one of `names` or lies inside one."""
    return any(target == name or target.startswith(f"{name}.") for name in names)


def violations(root: Path) -> list[str]:
    """Every broken rule of the tree at `root`, one sentence each."""
    modules = read(root)
    broken = []
    for module, (path, found) in modules.items():
        top, _, rest = module.partition(".")
        room = rest.partition(".")[0]
        known = {"core": CORE, "dashboard": DASHBOARD}.get(top, ())
        if room and room not in known:
            broken.append(f"{path} has no place yet: give it one in {Path(__file__).name}")
            continue
        for imported in found:
            where, target = f"{path}:{imported.line} imports {imported.target}", imported.target
            if top == "core":
                broken += [f"{where}, {why}" for why in wrong_in_core(room, target)]
            elif top == "dashboard" and room:
                broken += [f"{where}, {why}" for why in wrong_in_dashboard(room, module, target)]
            elif within(target, {"core"}):
                broken.append(f"{where}, but only dashboard/gateway imports core")
        chain = way_to_torch(module, modules)
        if top != "core" and chain:
            broken.append(f"{path} loads torch when it is imported: {' > '.join(chain)}")
    return broken


def wrong_in_core(room: str, target: str) -> Iterator[str]:
    """What is wrong with `target` in this room of core ("" is core/__init__.py, which may name all rooms)."""
    if within(target, NEVER_IN_CORE):
        yield "but core knows nothing of what draws it"
    if room and within(target, {"core"}):
        other = f"{target}.".split(".")[1]
        if other not in CORE:
            yield "but core imports a name from the module that defines it, not from the package's root"
        elif CORE.index(other) > CORE.index(room):
            yield f"but core/{other} stands below core/{room} on the ladder"


def page_of(module: str) -> str:
    """The page that a module of dashboard/pages belongs to: runs.py and its private parts _runs_<part>.py to runs."""
    return module.split("_")[1] if module.startswith("_") else module


def wrong_in_dashboard(room: str, module: str, target: str) -> Iterator[str]:
    """What is wrong with `target` in `module` of the dashboard's room `room`."""
    if within(target, {"core"}) and room != "gateway":
        yield "but only dashboard/gateway imports core"
    if within(target, {"streamlit"}) and room in WITHOUT_STREAMLIT:
        yield f"but dashboard/{room} draws without Streamlit"
    if within(target, {"plotly.express"}):
        yield "which costs a quarter of a second: plotly.graph_objects draws the same"
    if within(target, {"dashboard"}):
        _, other, page = [*target.split("."), "", ""][:3]
        if other != room and other not in DASHBOARD[room]:
            yield f"but dashboard/{room} imports only {', '.join(sorted(DASHBOARD[room])) or 'nothing of it'}"
        if room == other == "pages" and page_of(page) != page_of(module.split(".")[2:][:1][0]):
            yield "but a page imports no other page: what two pages share belongs in controls"


def way_to_torch(module: str, modules: dict[str, tuple[str, list[Import]]]) -> list[str]:
    """The chain of imports by which loading `module` loads torch, or nothing."""
    todo, seen = [[module]], {module}
    while todo:
        chain = todo.pop()
        for imported in modules[chain[-1]][1]:
            if not imported.at_start:
                continue
            if within(imported.target, TORCH):
                return [*chain, imported.target]
            parts = imported.target.split(".")
            # Loading a.b.c runs a, a.b and a.b.c.
            for name in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
                if name in modules and name not in seen:
                    seen.add(name)
                    todo.append([*chain, name])
    return []


def test_every_import_keeps_the_ladder() -> None:
    assert violations(REPO) == []


def users_of_session_state(root: Path) -> set[str]:
    """The files of the dashboard that touch the session state or the address by themselves."""
    return {
        path.relative_to(root).as_posix()
        for path in (root / "dashboard").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute) and node.attr in {"session_state", "query_params"}
    }


def test_session_state_and_url_have_one_reader_and_writer(tmp_path: Path) -> None:
    assert users_of_session_state(REPO) <= {"dashboard/state.py"}
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard/controls.py").write_text("import streamlit as st\nst.session_state['a'] = 1")
    assert users_of_session_state(tmp_path) == {"dashboard/controls.py"}


# Each: the files of a tiny tree, and what the reader must say of it ("" = nothing).
TREES = {
    "a module may import upwards": ({"core/store.py": "from core import errors\nimport core.config"}, ""),
    "its own folder": ({"core/data/idx.py": "from core.data.images import pad\nfrom . import images"}, ""),
    "torch inside a function": ({"dashboard/gateway.py": "def f():\n    import torch"}, ""),
    "the root names all rooms": ({"core/__init__.py": "def f():\n    from core.runs import open_run"}, ""),
    "a page and its leaves": (
        {"dashboard/pages/runs.py": "from dashboard import state, controls, theme"},
        "",
    ),
    "types only": (
        {"dashboard/gateway.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"},
        "",
    ),
    "downwards": ({"core/config.py": "from core.store import x"}, "core/store stands below core/config"),
    "downwards, name by name": ({"core/config.py": "from core import store"}, "core/store stands below"),
    "downwards in a function": (
        {"core/terms.py": "def f():\n    import core.cli"},
        "core/terms.py:2 imports",
    ),
    "downwards, relative": ({"core/data/idx.py": "from ..runs import x"}, "core/runs stands below core/data"),
    "downwards, by name": (
        {"core/terms.py": "import importlib\nimportlib.import_module('core.cli')"},
        "core/cli stands below",
    ),
    "from the root": ({"core/cli.py": "from core import open_run"}, "not from the package's root"),
    "the root itself": ({"core/cli.py": "import core"}, "not from the package's root"),
    "an unknown room": ({"core/helpers.py": ""}, "core/helpers.py has no place yet"),
    "core draws": (
        {"core/cli.py": "def f():\n    import plotly.graph_objects"},
        "core knows nothing of what",
    ),
    "core imports the dashboard": (
        {"core/cli.py": "from dashboard import theme"},
        "core knows nothing of what",
    ),
    "core's root draws": ({"core/__init__.py": "import streamlit"}, "core knows nothing of what"),
    "a page imports core": (
        {"dashboard/pages/runs.py": "def f():\n    import core"},
        "only dashboard/gateway",
    ),
    "a component imports core": (
        {"dashboard/components/m/a.py": "import core.terms"},
        "only dashboard/gateway",
    ),
    "the entry imports core": ({"streamlit_app.py": "import core"}, "only dashboard/gateway"),
    "a page imports another page's part": (
        {"dashboard/pages/runs.py": "from dashboard.pages._compare_map import x"},
        "a page imports no other page",
    ),
    "a page imports a page": (
        {"dashboard/pages/runs.py": "from dashboard.pages.compare import x"},
        "a page imports no other page",
    ),
    "a page imports the app": ({"dashboard/pages/runs.py": "import dashboard.app"}, "imports only"),
    "a chart imports Streamlit": ({"dashboard/charts/a.py": "import streamlit as st"}, "without Streamlit"),
    "a chart imports state": (
        {"dashboard/charts/a.py": "from .. import state"},
        "dashboard/charts imports only",
    ),
    "slow plotly": ({"dashboard/charts/a.py": "from plotly import express"}, "plotly.graph_objects draws"),
    "gateway imports upwards": ({"dashboard/gateway.py": "from dashboard import controls"}, "imports only"),
    "torch": ({"dashboard/theme.py": "from torch import nn"}, "dashboard/theme.py loads torch"),
    "torch in a class": ({"dashboard/theme.py": "class A:\n    import torch"}, "loads torch"),
    "torch behind core": (
        {"dashboard/gateway.py": "from core.runs import x", "core/runs.py": "import core.terms"},
        "dashboard.gateway > core.runs > core.terms > torch",
    ),
    "torch behind a package": (
        {"dashboard/gateway.py": "import core.data.idx", "core/data/__init__.py": "import safetensors.torch"},
        "dashboard.gateway > core.data > safetensors.torch",
    ),
}


@pytest.mark.parametrize("case", TREES)
def test_the_reader_sees(case: str, tmp_path: Path) -> None:
    files, expected = TREES[case]
    base = {
        "core/terms.py": "import torch",
        "core/data/idx.py": "",
        "core/data/images.py": "",
        "core/runs.py": "",
    }
    for name, text in {**base, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    said = violations(tmp_path)
    if expected:
        assert len(said) >= 1
        assert expected in "\n".join(said)
    else:
        assert said == []


def loaded_by(*modules: str) -> dict[str, list[str]]:
    """For each module, imported in this order in a fresh process: the heavy packages loaded by then."""
    script = (
        "import importlib, json, sys\nloaded = {}\n"
        f"for name in {list(modules)!r}:\n"
        "    importlib.import_module(name)\n"
        "    loaded[name] = sorted({'torch', 'streamlit', 'plotly', 'altair'} & sys.modules.keys())\n"
        "print(json.dumps(loaded))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_what_lists_and_shows_loads_no_torch() -> None:
    assert loaded_by(*LIGHT) == {name: [] for name in LIGHT}


def test_the_first_paint_loads_no_torch() -> None:
    assert "torch" not in loaded_by("dashboard.app")["dashboard.app"]


def test_the_process_that_looks_would_see_torch() -> None:
    assert "torch" in loaded_by("torch")["torch"]


def test_folders_are_the_agreed_ones() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True)
    if listed.returncode or not listed.stdout:
        pytest.skip(
            f"git lists no files of this folder: {listed.stderr.strip() or 'nothing is committed yet'}"
        )
    tracked = {name.split("/")[0] for name in listed.stdout.split("\0") if "/" in name}
    assert tracked <= FOLDERS
