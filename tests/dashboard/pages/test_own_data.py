"""Every page over a person's own data: RGB of two classes, no labels, 200 classes, one class alone, and vectors."""

from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig
from core.data import catalog, own
from core.data.own.building import build
from core.data.own.opening import open_source
from core.training.run import train
from dashboard import gateway
from dashboard.app import PAGES
from tests.dashboard.headless import figures, healthy, maps, numbers, open_page

BRIEF = {"epochs": 1, "threads": 1, "device": "cpu"}
SMALL = {"hidden": (8,), "batch_size": 50}
RUNS = {
    "rgb-2d": {"dataset": "rgb"},
    "rgb-conv": {"dataset": "rgb", "network": "conv", "hidden": (4, 4), "latent": 4},
    "rgb-denoising": {"dataset": "rgb", "family": "dae", "latent": 3},
    "plain-2d": {"dataset": "plain"},
    "plain-sparse": {"dataset": "plain", "family": "sae", "latent": 12},
    "many-2d": {"dataset": "many"},
    "many-told": {"dataset": "many", "family": "cvae"},
    "moons": {"dataset": "moons", "likelihood": "gaussian"},
    "table": {"dataset": "table", "likelihood": "gaussian", "latent": 3},
    "lone-linear": {"dataset": "lone", "family": "pca", "latent": 3},
}


def images(name: str) -> dict[str, np.ndarray]:
    """Images of random pixels: enough to be drawn, and of sizes that no other data set has."""
    generator = np.random.default_rng(0)
    if name == "rgb":
        pixels = generator.integers(0, 256, (120, 12, 10, 3))
        return {
            "images": pixels,
            "labels": np.arange(120) % 2,
            "class_names": np.array(["<b>no</b>", "=yes"]),
        }
    if name == "plain":
        return {"images": generator.integers(0, 256, (120, 9, 9))}
    if name == "many":
        return {"images": generator.integers(0, 256, (800, 6, 6)), "labels": np.arange(800) % 200}
    if name == "table":
        return {"images": generator.normal(5, 3, (120, 7)).astype(np.float32), "labels": np.arange(120) % 3}
    return {"images": generator.integers(0, 256, (120, 6, 6)), "labels": np.zeros(120, int)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data` and `checkpoints`: four data sets, and the runs."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAESCOPE_DATA", str(folder / "data"))
        for name in ("rgb", "plain", "many", "lone", "table"):
            np.savez(
                folder / f"{name}.npz",
                **{
                    key: value.astype(np.uint8) if value.dtype.kind == "i" else value
                    for key, value in images(name).items()
                },
            )
            one = own.stage(
                name,
                folder / f"{name}.npz",
                own.Options.make({"test": 0.25}),
                own.Limits(),
                look=False,
                builtin=(),
            )
            build(
                one.folder,
                one.request,
                open_source(folder / f"{name}.npz", one.request.options, one.request.limits),
                lambda *_: None,
            )
        for run_id, settings in RUNS.items():
            train(
                RunConfig.make({**BRIEF, **({} if settings.get("family") == "pca" else SMALL), **settings}),
                name=run_id,
                store=folder / "checkpoints",
                run_id=run_id,
            )
    return folder


@pytest.fixture(autouse=True)
def own_data(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(made / "data"))
    monkeypatch.setenv("VAESCOPE_STORE", str(made / "checkpoints"))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("module", [row.module for row in PAGES])
def test_every_page_opens(module: str, run: str) -> None:
    dataset = str(RUNS[run]["dataset"])
    pair = ",".join([run, next(one for one in RUNS if one != run)])
    query = {"run": run, "runs": pair, "members": pair, "set": dataset, "step": run, "families-data": dataset}
    healthy(open_page(module, **query))


@pytest.mark.parametrize("shape", ["plane", "pairs", "projection", "space"])
def test_views_of_more_than_two_dimensions(shape: str) -> None:
    healthy(open_page("latent", run="rgb-conv", shape=shape))


def test_maps_tell_classes_apart() -> None:
    for run, names in (
        ("rgb-2d", ["<b>no</b>", "=yes"]),
        ("plain-2d", []),
        ("many-2d", [str(k) for k in range(200)]),
    ):
        header, sections = maps(healthy(open_page("latent", run=run, split="both")))[0]
        assert header["classes"] == names
        labels = gateway.map_data(
            gateway.runs()[[one.id for one in gateway.runs()].index(run)], ("test", "train")
        ).latents.labels
        assert sections["cls"].tolist() == np.where(labels < 0, 255, labels).tolist()


def test_vectors_decode_to_points_and_not_to_images() -> None:
    at = healthy(open_page("latent", run="moons", split="test", n="6", zx="0.5", zy="-0.5"))
    net = next(one for one in figures(at) if "in the space of the data" in one["layout"]["title"]["text"])
    names = [trace["name"] for trace in net["data"]]
    assert names == ["upper moon", "lower moon", "decoded", "the chosen place"]
    drawn = np.array([numbers(net["data"][k][axis]) for axis in "xy" for k in (0, 1)], dtype=object)
    test = catalog.load("moons", "test")
    assert [len(part) for part in drawn[:2]] == np.bincount(test.labels).tolist()
    assert numbers(net["data"][0]["x"]) == pytest.approx(test.pixels[test.labels == 0, 0, 0, 0].tolist())
    record = next(one for one in gateway.runs() if one.id == "moons")
    place = gateway.decode(record, np.array([[0.5, -0.5]]))[0, 0, 0]
    assert (net["data"][3]["x"][0], net["data"][3]["y"][0]) == pytest.approx(tuple(place.tolist()))
    lattice = gateway.lattice(record, 6)[:, :, 0, 0]
    assert numbers(net["data"][2]["x"])[:6] == pytest.approx(lattice[0, :, 0].tolist())
    assert len(maps(at)) == 1  # no lattice of tiles
