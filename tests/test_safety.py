"""No code path reaches pickle, eval, a shell or raw HTML: in the source, and run with pickle broken."""

import _pickle
import ast
import io
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
# The one module that reads and writes weights.
WEIGHTS = "core/weights.py"

MODULES = {
    **dict.fromkeys(
        ("pickle", "_pickle", "cPickle", "pickle5", "cloudpickle", "dill"), "runs code on loading"
    ),
    **dict.fromkeys(("joblib", "shelve", "marshal", "jsonpickle"), "is pickle, or worse, inside"),
    "streamlit.components.v1": "runs HTML of its own; components are components.v2",
}
CALLS = {
    **dict.fromkeys(("torch.load", "torch.save", "torch.jit.load", "torch.package"), "is pickle inside"),
    **dict.fromkeys(("torch.hub.load", "torch.hub.load_state_dict_from_url"), "runs code from outside"),
    **dict.fromkeys(("pandas.read_pickle", "pandas.to_pickle", "yaml.load", "yaml.unsafe_load"), "runs code"),
    **dict.fromkeys(("eval", "exec", "builtins.eval", "builtins.exec"), "runs text as code"),
    **dict.fromkeys(("os.system", "os.popen", "subprocess.getoutput"), "hands text to a shell"),
    "streamlit.html": "puts text into the page as HTML",
}
# Methods known by their name alone, whatever they are called on.
METHODS = {"to_pickle": "is pickle", "html": "puts text into the page as HTML"}
KEYWORDS = {
    "allow_pickle": "lets an array file run code",
    "unsafe_allow_html": "puts text into the page as HTML",
    "shell": "hands text to a shell",
    "persist": "keeps a cache on disk as pickle",
}


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """`a.b.c` of an expression, its first name replaced by what it was imported as; else ""."""
    match node:
        case ast.Name(id=name):
            return names.get(name, name)
        case ast.Attribute(value=value, attr=attr):
            before = dotted(value, names)
            return f"{before}.{attr}" if before else ""
    return ""


def violations(source: str, path: str) -> Iterator[str]:
    """Every unsafe use in `source`, one sentence each."""
    tree = ast.parse(source)
    names: dict[str, str] = {}  # local name -> what was imported under it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                before = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                target = f"{before}{alias.name}"
                if alias.asname or before:
                    names[alias.asname or alias.name] = target
                for module, what in MODULES.items():
                    if f"{target}.".startswith(f"{module}."):
                        yield f"{path}:{node.lineno} imports {target}, which {what}"
                if target.split(".")[0] == "safetensors" and path != WEIGHTS:
                    yield f"{path}:{node.lineno} imports {target}, but only {WEIGHTS} touches weights"
    for node in ast.walk(tree):
        # Any mention counts, called or handed on: `loader = torch.load` is as bad as a call.
        if isinstance(node, ast.Name | ast.Attribute) and (why := CALLS.get(dotted(node, names))):
            yield f"{path}:{node.lineno} uses {dotted(node, names)}, which {why}"
        if not isinstance(node, ast.Call):
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        called = dotted(node.func, names)
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            yield f"{path}:{node.lineno} calls .{node.func.attr}(), which {METHODS[node.func.attr]}"
        for keyword, why in KEYWORDS.items():
            if keyword in given and not is_false(given[keyword]):
                yield f"{path}:{node.lineno} passes {keyword}, which {why}"
        if called in {"numpy.load", "numpy.lib.format.read_array"} and "allow_pickle" not in given:
            yield f"{path}:{node.lineno} calls {called} without allow_pickle=False"


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (False, None)


def sources() -> list[Path]:
    """The project's code, and the tests' helpers; tests themselves may forge a bad file to see it refused."""
    helpers = (path for path in REPO.glob("tests/**/*.py") if not path.name.startswith("test_"))
    code = [*REPO.glob("core/**/*.py"), *REPO.glob("dashboard/**/*.py"), REPO / "streamlit_app.py"]
    return sorted([*code, *helpers])


def test_no_source_is_unsafe() -> None:
    files = sources()
    assert REPO / "tests/conftest.py" in files
    assert [
        said for path in files for said in violations(path.read_text(), path.relative_to(REPO).as_posix())
    ] == []


LITERAL_HTML = re.compile(r"""\.(innerHTML|outerHTML)\s*=\s*("[^"\n]*"|'[^'\n]*'|`[^`$]*`)\s*(;|\n|$)""")
WRITES_HTML = re.compile(
    r"\.(innerHTML|outerHTML)\s*\+?=(?!=)|insertAdjacentHTML|document\.write|setHTMLUnsafe"
)


def writes_html(script: str) -> bool:
    """Whether a script makes HTML of anything but a literal of its own, which holds nothing of the data."""
    return WRITES_HTML.search(LITERAL_HTML.sub("", script)) is not None


def test_scripts_of_the_page_write_no_html() -> None:
    """Names and titles reach the page by textContent."""
    scripts = sorted((REPO / "dashboard").rglob("*.js"))
    assert [str(path.relative_to(REPO)) for path in scripts if writes_html(path.read_text())] == []


@pytest.mark.parametrize(
    ("script", "unsafe"),
    [
        ("node.innerHTML = name;", True),
        ("node.innerHTML += '<b>';", True),
        ("node.innerHTML = `<b>${name}</b>`;", True),
        ("node.innerHTML = '<b>' + name;", True),
        ("node.insertAdjacentHTML('beforeend', name)", True),
        ("node.innerHTML = '';", False),
        ("template.innerHTML = `<div>\n</div>`;", False),
        ("if (node.innerHTML === name) node.textContent = name;", False),
    ],
)
def test_the_reader_of_scripts_sees(script: str, unsafe: bool) -> None:
    assert writes_html(script) is unsafe


UNSAFE = {
    "import pickle": "imports pickle",
    "import pickle as harmless": "imports pickle",
    "from pickle import loads": "imports pickle.loads",
    "def f():\n    import _pickle": ":2 imports _pickle",
    "import joblib": "imports joblib",
    "from joblib import load": "imports joblib.load",
    "import dill, shelve": "imports shelve",
    "import marshal": "imports marshal",
    "import safetensors": "only core/weights.py touches weights",
    "from safetensors.torch import load": "only core/weights.py touches weights",
    "import streamlit.components.v1": "components are components.v2",
    "import torch\ntorch.load('x')": "uses torch.load",
    "import torch as t\nt.save({}, 'x')": "uses torch.save",
    "from torch import load\nload('x')": "uses torch.load",
    "import torch\nread = torch.load": "uses torch.load",
    "from torch import hub\nhub.load('x')": "uses torch.hub.load",
    "import pandas as pd\npd.read_pickle('x')": "uses pandas.read_pickle",
    "frame.to_pickle('x')": "calls .to_pickle()",
    "import yaml\nyaml.load('x')": "uses yaml.load",
    "import numpy as np\nnp.load('x')": "calls numpy.load without allow_pickle=False",
    "import numpy as np\nnp.load('x', allow_pickle=True)": "passes allow_pickle",
    "from numpy import load\nload('x', allow_pickle=flag)": "passes allow_pickle",
    "eval('1')": "uses eval",
    "exec('1')": "uses exec",
    "import builtins\nbuiltins.eval('1')": "uses builtins.eval",
    "import os\nos.system('ls')": "uses os.system",
    "from os import popen\npopen('ls')": "uses os.popen",
    "import subprocess\nsubprocess.run('ls', shell=True)": "passes shell",
    "import streamlit as st\nst.markdown('x', unsafe_allow_html=True)": "passes unsafe_allow_html",
    "import streamlit as st\nst.html('x')": "calls .html()",
    "column.html('x')": "calls .html()",
    "from streamlit import html\nhtml('x')": "uses streamlit.html",
    "import streamlit as st\n@st.cache_data(persist='disk')\ndef f(): ...": "passes persist",
}
SAFE = (
    "import numpy as np\nnp.load('x', allow_pickle=False)",
    "model.eval()",
    "import json\njson.load(file)",
    "import subprocess\nsubprocess.run(['ls'], shell=False)",
    "import streamlit as st\nst.markdown('x', unsafe_allow_html=False)",
    "import torch\ntorch.no_grad()",
)


@pytest.mark.parametrize("source", UNSAFE)
def test_the_reader_sees(source: str) -> None:
    assert UNSAFE[source] in "\n".join(violations(source, "core/store.py"))


@pytest.mark.parametrize("source", SAFE)
def test_the_reader_lets_pass(source: str) -> None:
    assert list(violations(source, "core/store.py")) == []


def test_the_one_module_may_touch_weights() -> None:
    assert list(violations("import safetensors.torch", WEIGHTS)) == []


@pytest.fixture
def broken_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way into pickle raises."""

    class Refuse:  # a class, since torch derives its own unpickler from pickle's
        def __init__(self, *arguments: object, **keywords: object) -> None:
            raise AssertionError("pickle was reached")

    import torch  # noqa: F401 - loaded before: what is asked is what our code does, not how torch starts

    for module in (pickle, _pickle):
        for name in ("load", "loads", "Unpickler"):
            monkeypatch.setattr(module, name, Refuse)
    monkeypatch.setattr(pickle, "_Unpickler", Refuse)


@pytest.mark.usefixtures("broken_pickle")
def test_weights_open_with_pickle_broken(bundled_store: Path) -> None:
    ids = sorted(path.name for path in bundled_store.iterdir())
    assert ids
    import numpy as np

    import core

    for run_id in ids:
        run = core.open_run(run_id)
        images = run.decode(np.zeros((1, run.latent), np.float32), labels=0)
        assert len(images) == 1
        assert np.isfinite(images).all()


@pytest.mark.usefixtures("broken_pickle")
def test_the_broken_pickle_is_noticed() -> None:
    import numpy as np
    import torch

    file = io.BytesIO()
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    file.seek(0)
    with pytest.raises(AssertionError, match="pickle was reached"):
        np.load(file, allow_pickle=True)
    file = io.BytesIO()
    torch.save({"a": 1}, file)
    file.seek(0)
    with pytest.raises(AssertionError, match="pickle was reached"):
        torch.load(file, weights_only=False)
