"""The Compare page as its tests drive it: opened, read, and runs altered to be compared."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from core.data import catalog
from core.latents import Latents, load_latents
from tests.dashboard.headless import figures, healthy, maps, open_page

ONE, TENTH, HALF, TWO, EIGHT, AE = (
    f"bundled-digits-{end}" for end in ("beta-1", "beta-0p1", "beta-0p5", "beta-2", "8d", "ae")
)


MAP = "compare-map-ab"


def opened(*runs: str, **query: str) -> AppTest:
    return open_page("compare", **({"runs": ",".join(runs)} if runs else {}), **query)


def table_lines(at: AppTest, first_column: str, *, last: str = "") -> list[dict[str, str]]:
    """The table whose first column has this name, and a line of this name if given: {column: text} of each line."""
    for element in at.dataframe:
        frame = element.value
        if frame.columns[0] == first_column and (not last or last in set(frame[first_column])):
            return list(frame.to_dict("records"))
    raise AssertionError(f"no table of {first_column}")


def table(at: AppTest, first_column: str, *, last: str = "") -> dict[str, dict[str, str]]:
    """The same by its first column: {line: {column: text}}."""
    return {line[first_column]: line for line in table_lines(at, first_column, last=last)}


def titles(at: AppTest) -> list[str]:
    return [panel["title"] for panel in maps(at)[0][0]["panels"]]


def pictures(at: AppTest) -> list[str]:
    return [element.proto.imgs[0].alt for element in at.get("image")]


def curves(at: AppTest) -> list[dict[str, Any]]:
    """The figures of loss curves."""
    return [one for one in figures(at) if " by " in one["layout"]["title"]["text"]]


def link(at: AppTest) -> str:
    """The runs in the URL: AppTest gives a list for what came from outside and a text for what the page wrote."""
    value = dict(at.query_params)["runs"]
    return value if isinstance(value, str) else value[0]


def altered(store: Path, source: str, new: str, *, config: dict[str, Any], data: dict[str, Any]) -> Path:
    """A copy of a run under another id with other settings or data in its document."""
    folder = store / new
    shutil.copytree(store / source, folder)
    document = json.loads((folder / "run.json").read_text())
    document |= {"id": new, "name": new}
    document["config"] |= config
    document["data"] |= data
    (folder / "run.json").write_text(json.dumps(document))
    return folder


def without_data(store: Path, new: str, *, source: str = ONE) -> Path:
    """A run on a data set whose images are not on this machine, without latents."""
    folder = altered(
        store,
        source,
        new,
        config={"dataset": "mnist"},
        data={"dataset": "mnist", "fingerprint": catalog.fingerprint("mnist")},
    )
    for file in folder.glob("latents-*.npz"):
        file.unlink()
    return folder


def stored(store: Path, run: str, split: str = "test") -> Latents:
    return load_latents(store / run / f"latents-{split}.npz")


def base64_bits(mask: np.ndarray) -> str:
    import base64

    return base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()


ALL_EIGHT = [
    f"bundled-digits-{end}"
    for end in ("beta-1", "beta-0p1", "beta-0p5", "beta-2", "beta-0", "8d", "ae", "beta-4")
]


def scores(at: AppTest) -> dict[str, dict[str, str]]:
    """The table of scores, by score."""
    return table(at, "Score", last="Pixels n")


def figure(at: AppTest, title: str) -> dict[str, Any]:
    (found,) = [one for one in figures(at) if title in one["layout"]["title"]["text"]]
    return found


def select(at: AppTest, key: str, places: list[int], count: int = 360) -> AppTest:
    """Select the points at these places of the map, as the browser reports a lasso."""
    mask = np.zeros(count, np.uint8)
    mask[places] = 1
    bits = base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()
    at.session_state[key] = {"selection": {"bits": bits}}
    return healthy(at.run())
