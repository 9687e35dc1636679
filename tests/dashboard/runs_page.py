"""The Runs page without a browser: opened at a link, rows chosen, buttons pressed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

SCRIPT = "from dashboard.controls import guarded\nfrom dashboard.pages.runs import page\nguarded(page)()"
MARKUP = "<script>alert(1)</script> **b** [a](http://b) $x$ :smile: # `c`"


def opened(**query: str) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    return ran(app.run())


def ran(app: AppTest) -> AppTest:
    assert not app.exception
    assert not [error.value for error in app.error]
    return app


def rows(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def choose(app: AppTest, *names: str, table: str = "runs-table") -> AppTest:
    """Tick the rows of these names, as a reader does."""
    listed = list(rows(app)["name"])
    key = f"{table}-{app.session_state[f'remembered:{table}'][1]}"
    app.session_state[key] = {"selection": {"rows": [listed.index(name) for name in names]}}
    return ran(app.run())


def press(app: AppTest, key: str) -> AppTest:
    button = app.button(key=f"runs-{key}")
    assert not button.disabled
    return ran(button.click().run())


def words(app: AppTest) -> str:
    kinds = (app.title, app.caption, app.markdown, app.info, app.warning, app.text, app.toast)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def own_run(store: Path, name: str = "Mine", run_id: str = "mine-aaaaaa", **changes: Any) -> Path:
    """A run of the user's own: a bundled one under another name."""
    shutil.copytree(store / "bundled-digits-beta-1", store / run_id)
    path = store / run_id / "run.json"
    document = json.loads(path.read_text()) | {"id": run_id, "name": name, "bundled": False, **changes}
    path.write_text(json.dumps(document))
    return store / run_id
