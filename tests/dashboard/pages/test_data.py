"""The Data page: the table and what is in a set, adding by a look first, what goes wrong, and deleting."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.data import catalog, own
from core.errors import DataError
from core.training.run import train
from dashboard import gateway
from tests.dashboard.headless import figures, healthy, open_page, until, words
from tests.dashboard.train_page import named
from tests.waiting import wait

BUILT_IN = ("digits", "mnist", "fashion-mnist", "moons", "swiss-roll")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def fill(folder: Path, *, classes: tuple[str, ...] = ("cat", "<b>dog</b>"), each: int = 12) -> Path:
    """A folder per class of 6 x 6 RGB images, and one file that is none."""
    generator = np.random.default_rng(0)
    for label in classes:
        (folder / label.replace("/", "-")).mkdir(parents=True)
        for k in range(each):
            pixels = generator.integers(0, 256, (6, 6, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label.replace("/", "-") / f"{k:02d}.png")
    (folder / classes[0] / "broken.jpg").write_bytes(b"nothing")
    return folder


def button(at: AppTest, label: str) -> None:
    next(one for one in at.button if one.label == label).click().run()


def labels(at: AppTest) -> list[str]:
    return [one.label for one in at.button]


def test_the_embedded_set_is_shown(home: Path) -> None:
    at = healthy(open_page("data"))
    table = at.dataframe[0].value
    assert table["name"].tolist() == list(BUILT_IN)
    assert table["here"].tolist() == [True, False, False, True, True]
    assert table["items"].tolist() == ["8 × 8 grey", "28 × 28 grey", "28 × 28 grey", "2 values", "2 values"]
    (chart,) = figures(at)
    counts = np.bincount(np.concatenate([catalog.load("digits", s).labels for s in ("train", "test")]))
    assert [int(text.replace(",", "")) for text in chart["data"][0]["text"]] == counts.tolist()
    assert "python -m core train digits-vae --set dataset=digits" in at.code[0].value
    assert "Delete" not in labels(at)


def test_a_set_that_is_not_here_is_offered(home: Path) -> None:
    at = healthy(open_page("data", set="mnist"))
    assert "The images of mnist are not on this machine" in words(at)
    assert "Fetch mnist" in labels(at)


def test_a_folder_of_the_inbox_is_looked_at_and_added(home: Path) -> None:
    at = healthy(open_page("data", **{"data-part": "add", "data-source": "inbox"}))
    assert f"into {home / 'inbox'} and reload" in words(at)
    assert next(one for one in at.button if one.label == "Look at a sample").disabled
    fill(home / "inbox" / "My Pets")
    at.run()
    assert at.text_input[0].value == "my-pets"
    button(at, "Look at a sample")
    until(at, lambda at: "Add it" in labels(at))
    assert "25 items, folder per class, to be stored as images of 6 × 6 RGB" in words(at).replace("*", "")
    assert "<b>dog<-b> (12)" in words(at)
    assert catalog.names() == BUILT_IN  # nothing is added yet

    at.selectbox(key="data-set-colour").select("grey").run()
    at.selectbox(key="data-set-size").select("8").run()
    assert next(one for one in at.button if one.label == "Add it").disabled  # the sample shows something else
    assert "The options above are not those of the sample: look again" in words(at)
    button(at, "Look again")
    until(at, lambda at: "Add it" in labels(at))
    assert "images of 8 × 8 grey" in words(at)
    button(at, "Add it")
    until(at, lambda at: "my-pets" in catalog.names())
    at = healthy(open_page("data", set="my-pets"))
    assert at.dataframe[0].value.iloc[-1].tolist()[:6] == ["my-pets", "8 × 8 grey", 2, 20, 4, True]
    assert "folder per class, split at random, stratified, seed 0" in words(at)
    left_out = next(one.value for one in at.dataframe if "why" in one.value)
    assert left_out.to_numpy().tolist() == [["cat/broken.jpg", "is no PNG, JPEG, WEBP or BMP image"]]
    assert catalog.load("my-pets", "train").shape == (1, 8, 8)


def test_a_bad_source_is_told_and_leaves_nothing(home: Path) -> None:
    (home / "inbox").mkdir(parents=True)
    np.savez(home / "inbox" / "bad.npz", images=np.array([{}, 1], dtype=object))
    at = open_page("data", **{"data-part": "add", "data-source": "inbox"})
    button(at, "Look at a sample")
    wait(lambda: bool(at.run().error))
    assert "holds Python objects, which are never loaded" in at.error[0].value.replace("\\", "")
    assert "Add it" not in labels(at)
    button(at, "Give up")
    assert own.list_own() == []
    at.number_input(key="data-set-crop-1").set_value(
        4
    ).run()  # boxes of its own: nothing of what was given up
    at.text_input[0].set_value("../up").run()
    button(at, "Look at a sample")
    assert "cannot be called '../up'" in at.error[0].value.replace("\\", "")
    assert own.list_own() == []


def test_an_import_that_was_cut_off_can_go_on_or_be_removed(home: Path) -> None:
    path = fill(home / "inbox" / "pets")
    for name in ("first", "second"):
        own.stage(name, path, own.Options(), own.Limits(), look=False, builtin=())
    at = healthy(open_page("data"))
    assert "first was cut off before it was complete: nothing is added yet" in words(at).replace("*", "")
    button(at, "Remove")
    assert [one.name for one in own.list_own()] == ["second"]
    button(at, "Go on")
    until(at, lambda at: "second" in catalog.names())
    at.run()
    assert "second" in at.dataframe[0].value["name"].tolist()
    assert "Go on" not in labels(at)


def zipped(folder: Path) -> io.BytesIO:
    payload = io.BytesIO()
    with zipfile.ZipFile(payload, "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder))
    return payload


def added(name: str, source: io.BytesIO, called: str) -> own.OwnSet:
    made = gateway.stage_upload(name, source, called, {}, {})
    own.wait(made, lambda _: None)
    gateway.add_looked(own.find_own(name))
    return own.wait(own.find_own(name), lambda _: None)


def test_an_upload_keeps_nothing_but_the_data_set(home: Path, tmp_path: Path) -> None:
    source = zipped(fill(tmp_path / "pets"))
    one = added("pets", source, "../../evil\\name.zip")
    assert one.document is not None
    assert one.document.class_names == ("<b>dog<-b>", "cat")
    kept = ["data.json", "labels.npy", "request.json", "values.npy"]
    # the process that reads sweeps up behind itself after it has said that the set is complete
    wait(lambda: sorted(path.name for path in one.folder.iterdir()) == kept)
    assert not list(tmp_path.rglob("*evil*"))
    with pytest.raises(DataError, match="cannot be added: give one that ends in"):
        gateway.stage_upload("other", source, "pets.exe", {}, {})
    assert [found.name for found in own.list_own()] == ["pets"]


def test_an_upload_is_called_as_it_was(home: Path, tmp_path: Path) -> None:
    made = gateway.stage_upload("points", io.BytesIO(b"a,b\n1,cat\n"), "my *points*\n.csv", {}, {})
    with pytest.raises(DataError, match="Row 1 has 'cat'"):
        own.wait(made, lambda _: None)
    made = gateway.stage_upload("points", io.BytesIO(b"a,a\n1,2\n"), "my *points*\n.csv", {}, {})
    with pytest.raises(DataError, match=r"'my \*points\* \.csv' has two columns of one name"):
        own.wait(made, lambda _: None)
    source = zipped(fill(tmp_path / "pets"))
    assert added("pets", source, "<b>My</b> pets.zip").origin == "<b>My</b> pets.zip"
    at = healthy(open_page("data", set="pets"))
    assert "Added from <b>My</b> pets.zip: folder per class" in words(at).replace("\\", "")
    assert "upload.zip" not in words(at)


def test_deleting_asks_and_runs_outlive_their_images(home: Path, store: Path, tmp_path: Path) -> None:
    added("pets", zipped(fill(tmp_path / "pets")), "pets.zip")
    brief = {"dataset": "pets", "epochs": 1, "hidden": (8,), "threads": 1, "device": "cpu", "batch_size": 8}
    record = train(RunConfig.make(brief), name="On pets", store=store, run_id="on-pets").record
    assert gateway.has_images(record)
    at = healthy(open_page("data", set="pets"))
    button(at, "Delete")
    assert "1 run of this data stays" in words(at)
    at.button(key="data-delete-no").click().run()
    assert "pets" in catalog.names()
    button(at, "Delete")
    at.button(key="data-delete-yes").click().run()
    assert healthy(at).dataframe[0].value["name"].tolist() == list(BUILT_IN)
    assert own.list_own() == []
    assert not gateway.has_images(record)
    for module in ("runs", "latent", "curves", "selections", "edit", "tradeoff", "families"):
        at = healthy(open_page(module, run="on-pets", runs="on-pets"))
    for path in record.folder.glob("latents-*.npz"):
        path.unlink()
    at = healthy(open_page("latent", run="on-pets"))
    assert "was deleted, or another one has its name now" in words(at)
    assert "Fetch pets" not in labels(at)

    other = zipped(fill(tmp_path / "others", classes=("x", "y")))
    added("pets", other, "pets.zip")
    assert not gateway.has_images(record)  # another content under the same name


def test_a_set_is_trained_on_at_a_click_with_settings_that_fit_it(home: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    payload = io.BytesIO()
    np.savez(payload, images=pixels)
    added("small", payload, "small.npz")
    at = healthy(open_page("data", set="small"))
    button(at, "Train on it")
    assert at.session_state["remembered:went"] == ("train", {"recipe": "digits-vae", "on": "small"})
    form = healthy(open_page("train", recipe="digits-vae", on="small"))
    assert named(form.selectbox, "Data set").value == "small"
    assert form.code[0].value == (
        "python -m core train digits-vae --set dataset=small batch_size=11 --name=digits-vae"
    )
    assert "Start" in labels(form)
    # what the set does not have is said before anything is started
    named(form.selectbox, "Family").select("cvae").run()
    assert "those of 'small' have none: choose a family that needs no labels" in form.error[0].value.replace(
        "\\", ""
    )
    assert "Start" not in labels(form)
    named(form.selectbox, "Family").select("vae").run()
    named(form.number_input, "Batch size").set_value(64).run()
    assert "batch_size 64 is more than the 46 training images" in form.error[0].value.replace("\\", "")
