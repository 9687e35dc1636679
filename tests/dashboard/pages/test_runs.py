"""The Runs page without a browser: what it lists, and what its buttons do to the store."""

import base64
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.bundled import BUNDLED
from core.store import disk_use, read_record
from dashboard import controls, theme
from dashboard.gateway import sketches
from dashboard.pages import _runs_table as table
from dashboard.pages._runs_thumbnail import draw_points
from tests.dashboard.runs_page import MARKUP, SCRIPT, choose, opened, own_run, press, ran, rows, words

# --- four states of a store ---------------------------------------------------------------------------------------


def test_bundled_store(bundled_store: Path) -> None:
    listed = rows(opened())
    on_disk = {folder.name: read_record(folder) for folder in bundled_store.iterdir()}
    assert sorted(listed["name"]) == sorted(record.name for record in on_disk.values())
    row = listed[listed["name"] == "Digits, beta 0.5"].iloc[0]
    scores = json.loads((bundled_store / "bundled-digits-beta-0p5/scores.json").read_text())["test"]
    assert (row["family"], row["data"], row["latent"], row["beta"]) == ("vae", "digits", 2, 0.5)
    assert row["weight"] == 128  # n / beta: 8 x 8 pixels, beta 0.5
    for name in ("distortion", "rate", "negative_elbo"):
        assert row[name] == pytest.approx(scores[name])
    assert row["state"] == "finished"
    kept = {row.name for row in BUNDLED if row.keep_latents}  # a map needs latents that are stored
    digits = listed[listed["name"].isin(kept)]
    assert digits["map"].str.startswith("data:image/png;base64,").all()
    picture = Image.open(io.BytesIO(base64.b64decode(row["map"].partition(",")[2])))
    assert picture.format == "PNG"
    # no posterior: the scores that do not apply are empty, and so is beta
    plain = listed[listed["family"] == "ae"].iloc[0]
    assert plain[["beta", "weight", "rate", "negative_elbo"]].isna().all()
    assert plain["distortion"] > 0
    assert listed[listed["name"] == "Digits, beta 0"].iloc[0]["weight"] == float("inf")


def test_empty_store(store: Path) -> None:
    app = opened()
    assert "No run can be shown yet" in words(app)
    assert app.code[0].value.startswith("python -m core train ")
    assert not app.dataframe


def test_damaged_foreign_and_newer_folders(bundled_store: Path) -> None:
    own_run(bundled_store, run_id="broken-aaaaaa").joinpath("run.json").write_text('{"format": 1')
    own_run(bundled_store, run_id="newer-aaaaaa", format=99)
    (bundled_store / "my $x$ *notes*").mkdir()
    (bundled_store / "my $x$ *notes*" / "a.txt").write_text("a")
    app = opened()
    states = dict(zip(rows(app)["name"], rows(app)["state"], strict=True))
    assert states["broken-aaaaaa"] == "damaged"
    assert states["newer-aaaaaa"] == "newer"
    assert states["my $x$ *notes*"] == "foreign"
    assert states["Digits, beta 1"] == "finished"
    assert "format 99" in words(app).replace("\\", "")
    assert controls.plain("my $x$ *notes*") in words(app)
    app = choose(app, "broken-aaaaaa")
    assert app.button(key="runs-open").disabled
    assert app.button(key="runs-curves").disabled


def test_only_broken_folders(store: Path) -> None:
    (store / "broken-aaaaaa").mkdir()
    (store / "broken-aaaaaa" / "run.json").write_text("[]")
    app = opened()
    assert "1 other folders" in words(app)
    assert list(rows(app)["state"]) == ["damaged"]


def test_damaged_latents_cost_one_picture(bundled_store: Path) -> None:
    (bundled_store / "bundled-digits-beta-1" / "latents-test.npz").write_bytes(b"nonsense")
    listed = rows(opened()).set_index("name")
    assert listed.loc["Digits, beta 1", "map"] is None or pd.isna(listed.loc["Digits, beta 1", "map"])
    assert listed.loc["Digits, beta 2", "map"].startswith("data:")


def test_data_missing(bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    folder = own_run(bundled_store, name="Far data")
    path = folder / "run.json"
    document = json.loads(path.read_text())
    document["config"]["dataset"] = document["data"]["dataset"] = "fashion-mnist"
    path.write_text(json.dumps(document))
    (folder / "latents-test.npz").unlink()
    # before torch is loaded there is no picture; afterwards the decoded lattice, which needs no data
    monkeypatch.setattr(sketches, "WARM", threading.Event())
    listed = rows(opened(find="far")).iloc[0]
    assert (listed["name"], listed["data"], listed["state"]) == ("Far data", "fashion-mnist", "finished")
    assert pd.isna(listed["map"])
    sketches.WARM.set()
    assert rows(opened(find="far")).iloc[0]["map"].startswith("data:image/png;base64,")


def test_first_paint_loads_no_torch(bundled_store: Path, repo: Path) -> None:
    script = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_string({SCRIPT!r}, default_timeout=60).run()\n"
        "assert not app.exception and len(app.dataframe[0].value) > 5\nassert 'torch' not in sys.modules"
    )
    environment = os.environ | {"VAESCOPE_STORE": str(bundled_store)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=repo, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]


# --- find, filter, order ------------------------------------------------------------------------------------------


def test_filters_come_from_the_url_and_go_back(bundled_store: Path) -> None:
    app = opened(family="dae")
    assert list(rows(app)["family"]) == ["dae"]
    app.multiselect(key="family").set_value([]).run()
    app.text_input(key="find").set_value("BETA 0.5").run()
    assert list(rows(app)["name"]) == ["Digits, beta 0.5"]
    assert app.query_params["find"] == "BETA 0.5"
    assert "family" not in app.query_params
    app.text_input(key="find").set_value("no such run").run()
    assert "No run fits these filters" in words(app)
    press(app, "clear")
    assert len(rows(app)) > 5
    assert "find" not in app.query_params


def test_an_unknown_filter_in_a_link_is_left_out(bundled_store: Path) -> None:
    assert len(rows(opened(family="nonsense", order="nonsense"))) > 5


@pytest.mark.parametrize("order", [name for name in table.ORDERS if name not in ("newest", "name", "disk")])
def test_orders(bundled_store: Path, order: str) -> None:
    values = rows(opened(order=order))[order].dropna()
    assert len(values) > 5
    assert values.is_monotonic_increasing


def test_the_largest_on_disk_first(bundled_store: Path) -> None:
    listed = rows(opened(order="disk"))
    sizes = {record.name: disk_use(record.folder) for record in map(read_record, bundled_store.iterdir())}
    assert dict(zip(listed["name"], listed["disk"], strict=True)) == sizes
    assert listed["disk"].is_monotonic_decreasing
    assert listed["disk"].nunique() > 3


def test_a_choice_stays_with_its_run(bundled_store: Path) -> None:
    app = choose(opened(order="name"), "Digits, beta 2")
    assert "recipe" in words(app)
    own_run(bundled_store, name="A first", created="2099-01-01T00:00:00+00:00")
    ran(app.run())
    assert rows(app)["name"].iloc[0] == "A first"
    assert f"**{controls.plain('Digits, beta 2')}**" in words(app)


# --- what the buttons do ------------------------------------------------------------------------------------------


def test_nothing_chosen_nothing_to_press(bundled_store: Path) -> None:
    app = opened()
    keys = ("open", "compare", "curves", "rename", "tag", "hide", "delete")
    assert all(app.button(key=f"runs-{key}").disabled for key in keys)
    assert app.get("download_button")[0].proto.disabled


def test_open_compare_and_curves(bundled_store: Path) -> None:
    app = choose(opened(), "Digits, beta 2")
    assert app.button(key="runs-compare").disabled
    press(app, "open")
    assert app.session_state["remembered:went"] == ("latent", {"run": "bundled-digits-beta-2"})
    press(app, "again")
    assert app.session_state["remembered:went"] == ("train", {"from": "bundled-digits-beta-2"})
    app = choose(opened(order="name"), "Digits, beta 1", "Digits, beta 2")
    both = {"runs": "bundled-digits-beta-1,bundled-digits-beta-2"}
    assert app.button(key="runs-open").disabled
    press(app, "compare")
    assert app.session_state["remembered:went"] == ("compare", both)
    press(choose(app, "Digits, beta 1", "Digits, beta 2"), "curves")
    assert app.session_state["remembered:went"] == ("curves", both)


def test_rename_and_note(bundled_store: Path) -> None:
    folder = own_run(bundled_store)
    app = press(choose(opened(), "Mine"), "rename")
    app.text_input(key="runs-name-mine-aaaaaa").set_value(MARKUP)
    app.text_area(key="runs-note-mine-aaaaaa").set_value(f"{MARKUP}\nsecond line")
    press(app, "rename-save")
    assert read_record(folder).name == MARKUP
    assert read_record(folder).note == f"{MARKUP}\nsecond line"
    assert json.loads((folder / "run.json").read_text())["name"] == "Mine"
    assert MARKUP in list(rows(app)["name"])
    # shown letter by letter: as plain text, or with every sign of Markdown escaped
    assert f"**{controls.plain(MARKUP)}**" in words(app)
    assert [text.value for text in app.text] == [f"{MARKUP}\nsecond line"]
    assert MARKUP not in "\n".join(str(e.value) for e in (*app.markdown, *app.caption, *app.toast))


def test_an_empty_name_is_refused(bundled_store: Path) -> None:
    folder = own_run(bundled_store)
    app = press(choose(opened(), "Mine"), "rename")
    app.text_input(key="runs-name-mine-aaaaaa").set_value("   ")
    app.button(key="runs-rename-save").click().run()
    assert "cannot be empty" in app.error[0].value
    assert read_record(folder).name == "Mine"


def test_delete_asks_first(bundled_store: Path) -> None:
    folder = own_run(bundled_store, MARKUP)
    app = press(choose(opened(), MARKUP), "delete")
    assert folder.is_dir()
    assert "1 run will move to the trash" in words(app)
    assert controls.plain(MARKUP) in words(app)
    press(app, "delete-no")
    assert folder.is_dir()
    assert "will move to the trash" not in words(app)
    press(press(app, "delete"), "delete-yes")
    assert not folder.exists()
    assert MARKUP not in list(rows(app)["name"])


def test_a_bundled_run_is_hidden_not_deleted_and_comes_back(bundled_store: Path) -> None:
    app = press(choose(opened(), "Digits, beta 2"), "delete")
    assert "read\\-only" in words(app)
    assert "runs-delete-yes" not in [button.key for button in app.button]
    press(app, "delete-hide")
    assert (bundled_store / "bundled-digits-beta-2" / "run.json").is_file()
    assert "Digits, beta 2" not in list(rows(app)["name"])
    ran(app.toggle(key="hidden").set_value(True).run())
    states = dict(zip(rows(app)["name"], rows(app)["state"], strict=True))
    assert states["Digits, beta 2"] == "finished, hidden"
    press(choose(app, "Digits, beta 2"), "show")
    assert not read_record(bundled_store / "bundled-digits-beta-2").hidden
    assert dict(zip(rows(app)["name"], rows(app)["state"], strict=True))["Digits, beta 2"] == "finished"


def test_a_folder_that_is_not_ours_is_left_alone(bundled_store: Path) -> None:
    (bundled_store / "photos").mkdir()
    (bundled_store / "photos" / "a.txt").write_text("a")
    app = choose(opened(), "photos")
    assert app.button(key="runs-hide").disabled
    assert app.button(key="runs-rename").disabled
    press(app, "delete")
    assert "not a run of VAEScope" in words(app).replace("\\", "")
    assert "runs-delete-yes" not in [button.key for button in app.button]
    assert (bundled_store / "photos" / "a.txt").read_text() == "a"
    assert not (bundled_store / "photos" / "annotations.json").exists()


# --- parts --------------------------------------------------------------------------------------------------------


def test_download_has_ids_units_and_plain_values(bundled_store: Path) -> None:
    record = read_record(own_run(bundled_store, name="=1+1"))
    sizes = {record.folder: disk_use(record.folder)}
    csv = pd.read_csv(io.BytesIO(controls.csv_bytes(table.download_frame([record], sizes))))
    assert csv.loc[0, "id"] == "mine-aaaaaa"
    assert csv.loc[0, "name"] == "'=1+1"
    assert csv.loc[0, "reconstruction_weight"] == 64
    assert csv.loc[0, "disk use (bytes)"] == sum(
        path.stat().st_size for path in record.folder.rglob("*") if path.is_file()
    )
    assert csv.loc[0, "test negative_elbo (nats per image)"] == pytest.approx(
        record.scores["test"]["negative_elbo"]
    )
    assert not csv.astype(str).apply(lambda column: column.str.contains("data:image")).any().any()


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_thumbnail_has_the_points_where_they_are() -> None:
    # right, left, top, far too few to be cut by the middle 98 %
    xy = np.repeat([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], 50, axis=0)
    labels = np.repeat([0, 2, 4, -1], 50)
    picture = pixels(draw_points(xy, labels, side=100))
    for (x, y), label in (((95, 50), 0), ((5, 50), 2), ((50, 5), 4), ((50, 95), -1)):
        red, green, blue, alpha = picture[y, x]
        assert alpha == 255
        assert f"#{red:02x}{green:02x}{blue:02x}" == theme.class_colour(label)
    assert picture[50, 50, 3] == 0


def test_a_thumbnail_of_a_collapsed_run_is_a_dot() -> None:
    xy = np.random.default_rng(0).normal(size=(300, 2)) * 0.01
    assert (pixels(draw_points(xy, np.zeros(300, int), at_least=2.0))[..., 3] > 0).sum() < 80
    assert (pixels(draw_points(xy, np.zeros(300, int)))[..., 3] > 0).sum() > 1000


@pytest.mark.parametrize("xy", [np.zeros((0, 2)), np.full((3, 2), np.nan), np.zeros((3, 2))])
def test_a_thumbnail_of_almost_nothing(xy: np.ndarray) -> None:
    assert pixels(draw_points(xy, np.zeros(len(xy), int))).shape == (112, 112, 4)
