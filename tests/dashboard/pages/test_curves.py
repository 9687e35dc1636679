"""The Loss curves page, headless: what it draws, refuses to overlay and follows, against the histories on disk."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from core.analysis.scores import SCORES
from core.config import RunConfig
from core.store import run_lock
from dashboard.components import kept_view
from tests.dashboard.headless import figures, healthy, numbers, open_page, words

SWEEP = ("bundled-digits-beta-0p05", "bundled-digits-beta-1", "bundled-digits-beta-4")


@pytest.fixture(scope="module")
def gaussian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch whose likelihood is another one."""
    from core.training.run import train

    config = RunConfig.make(
        {"likelihood": "gaussian", "epochs": 1, "hidden": (16,), "threads": 1, "device": "cpu"}
    )
    return train(config, name="Gaussian *digits*", store=tmp_path_factory.mktemp("gaussian")).record.folder


def names(figure: dict[str, Any]) -> list[tuple[str, str]]:
    return [tuple(trace["meta"]) for trace in figure["data"]]


def history(store: Path, run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (store / run / "history.jsonl").read_text().splitlines()]


def test_the_default_overlays_a_sweep_train_and_validation(bundled_store: Path) -> None:
    at = healthy(open_page("curves"))
    assert at.query_params["runs"] == ",".join(SWEEP)
    curves = figures(at)[0]
    assert names(curves) == [
        (f"Digits, beta {beta}", split) for beta in ("0.05", "1", "4") for split in ("train", "validation")
    ]
    rows = history(bundled_store, SWEEP[1])
    wanted = [row["validation"]["distortion"] + row["validation"]["rate"] for row in rows]
    assert numbers(curves["data"][3]["y"]) == pytest.approx(wanted, rel=1e-6)
    # across betas a lower negative ELBO does not mark the better model
    assert "better" not in curves["layout"]["yaxis"]["title"]["text"]
    assert "while the weights move" in words(at)


def test_equal_betas_say_which_direction_is_better(bundled_store: Path) -> None:
    curves = figures(healthy(open_page("curves", runs=SWEEP[1])))[0]
    assert "lower is better" in curves["layout"]["yaxis"]["title"]["text"]


def test_objectives_of_different_beta_are_not_said_to_compare(bundled_store: Path) -> None:
    assert "Objectives of different beta cannot be compared: here beta is 0.05, 1 and 4" in words(
        healthy(open_page("curves", quantity="objective"))
    )
    assert "cannot be compared" not in words(
        healthy(open_page("curves", quantity="objective", runs=SWEEP[1]))
    )


def test_all_quantities_are_four_figures(bundled_store: Path) -> None:
    at = healthy(open_page("curves", quantity="all", runs=SWEEP[1]))
    titles = [figure["layout"]["title"]["text"] for figure in figures(at)]
    assert titles[:4] == [
        "Negative ELBO, D + R by epoch",
        "Distortion D by epoch",
        "Rate R by epoch",
        "Objective, D + βR by epoch",
    ]


@pytest.mark.parametrize(
    "runs, title",
    [
        ("bundled-digits-beta-1", "Objective, D + βR"),
        ("bundled-digits-ae,bundled-digits-ae-32d", "Objective, D"),
        ("bundled-digits-ae,bundled-digits-beta-1", "Objective"),
        ("bundled-digits-vaegan", "Objective"),
        ("bundled-digits-sae", "Objective"),
        ("bundled-digits-cae", "Objective"),
        ("bundled-digits-ae-2d-l2", "Objective"),
        ("bundled-digits-vae-mmd", "Objective"),
        ("bundled-digits-beta-1,bundled-digits-vae-mmd", "Objective"),
    ],
)
def test_the_objective_has_a_formula_where_it_holds_for_all(
    runs: str, title: str, bundled_store: Path
) -> None:
    at = healthy(open_page("curves", runs=runs, quantity="objective"))
    assert [one["layout"]["title"]["text"].split(" by ")[0] for one in figures(at)[:1]] == [title]


def test_axes_follow_the_link(bundled_store: Path) -> None:
    layout = figures(healthy(open_page("curves", logx="1", logy="1")))[0]["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "log")
    layout = figures(healthy(open_page("curves")))[0]["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("linear", "linear")


def test_a_rerun_that_changes_nothing_sends_the_same_figures(bundled_store: Path) -> None:
    at = healthy(open_page("curves"))
    before = [element.proto.spec for element in at.get("plotly_chart")]
    at.run()
    assert [element.proto.spec for element in at.get("plotly_chart")] == before
    heat = next(box for box in at.selectbox if box.key == "heat")
    heat.set_value(SWEEP[1]).run()
    assert at.get("plotly_chart")[0].proto.spec == before[0]
    assert at.get("plotly_chart")[1].proto.spec != before[1]


def keepers(at: Any) -> list[str]:
    """What keeps the reader's zoom, as sent to the browser."""
    found = [element.proto for element in at.get("bidi_component")]
    return [proto.json for proto in found if proto.component_name == kept_view.NAME]


def test_every_figure_keeps_its_zoom_under_a_key_of_its_own(bundled_store: Path) -> None:
    at = healthy(open_page("curves", quantity="all"))
    keys = [json.loads(one)["key"] for one in keepers(at)]
    assert len(keys) == len(set(keys)) == len(figures(at)) == 5


def test_a_zoom_means_something_else_on_other_axes_and_data(bundled_store: Path, gaussian: Path) -> None:
    shutil.copytree(gaussian, bundled_store / gaussian.name)
    runs = f"{SWEEP[1]},{gaussian.name}"
    links = [{}, {"logx": "1"}, {"logy": "1"}, {"quantity": "rate"}, {"group": "1"}]
    seen = [figures(healthy(open_page("curves", runs=runs, **one)))[0]["layout"] for one in links]
    assert len({layout["uirevision"] for layout in seen}) == len(links)


def test_a_link_that_names_a_run_twice_shows_it_once(bundled_store: Path) -> None:
    at = healthy(open_page("curves", runs=f"{SWEEP[1]},{SWEEP[1]},{SWEEP[0]}"))
    assert at.multiselect[0].value == [SWEEP[1], SWEEP[0]]
    assert len(figures(at)[0]["data"]) == 4


def test_a_run_keeps_its_colour_when_another_leaves(bundled_store: Path) -> None:
    at = healthy(open_page("curves"))
    before = {trace["meta"][0]: trace["line"]["color"] for trace in figures(at)[0]["data"]}
    assert len(set(before.values())) == 3
    at.multiselect[0].set_value(list(SWEEP[1:])).run()
    after = {trace["meta"][0]: trace["line"]["color"] for trace in figures(at)[0]["data"]}
    assert after == {name: before[name] for name in ("Digits, beta 1", "Digits, beta 4")}


def test_other_likelihoods_are_not_overlaid_but_offered_side_by_side(
    bundled_store: Path, gaussian: Path
) -> None:
    shutil.copytree(gaussian, bundled_store / gaussian.name)
    at = healthy(open_page("curves", runs=f"{SWEEP[1]},{gaussian.name}"))
    assert "not drawn over one another: they differ in likelihood (Bernoulli, Gaussian)" in words(at)
    assert {name for name, _ in names(figures(at)[0])} == {"Digits, beta 1"}
    view = next(group for group in at.get("button_group") if group.key == "group")
    view.set_value("side").run()
    first, second, _heat = figures(healthy(at))
    assert {name for name, _ in names(first)} == {"Digits, beta 1"}
    assert {name for name, _ in names(second)} == {"Gaussian *digits*"}
    assert at.query_params["group"] == "side"


def test_a_run_that_is_told_the_label_is_not_drawn_over_others(bundled_store: Path) -> None:
    at = healthy(open_page("curves", runs="bundled-digits-beta-1,bundled-digits-cvae"))
    reason = "they differ in probability that is bounded (log p(x), log p(x given the label))"
    assert reason in words(at)
    assert "a bound on log p(x given the label)" in json.dumps(
        [list(group.options) for group in at.get("button_group")]
    )


def test_the_second_group_alone(bundled_store: Path, gaussian: Path) -> None:
    shutil.copytree(gaussian, bundled_store / gaussian.name)
    at = healthy(open_page("curves", runs=f"{SWEEP[1]},{gaussian.name}", group="1"))
    assert {name for name, _ in names(figures(at)[0])} == {"Gaussian *digits*"}


def test_the_table_holds_the_last_epoch(bundled_store: Path) -> None:
    at = healthy(open_page("curves", runs=f"{SWEEP[1]},bundled-digits-ae"))
    frame = at.dataframe[0].value
    last = history(bundled_store, SWEEP[1])[-1]
    assert frame["distortion held out"][0] == pytest.approx(last["validation"]["distortion"])
    assert frame["negative_elbo train"][0] == pytest.approx(
        last["train"]["distortion"] + last["train"]["rate"]
    )
    assert frame["rate train"].isna().tolist() == [False, True]
    assert frame["epoch"].tolist() == ["200 of 200"] * 2


def test_a_family_without_a_rate(bundled_store: Path) -> None:
    at = healthy(open_page("curves", runs="bundled-digits-ae"))
    # the default quantity is one that applies
    assert figures(at)[0]["layout"]["title"]["text"] == "Distortion D by epoch"
    assert len(figures(at)) == 1
    assert "Does not apply: Digits, plain autoencoder" in words(at).replace("\\", "")
    at = healthy(open_page("curves", runs=f"bundled-digits-ae,{SWEEP[1]}", quantity="rate"))
    assert {name for name, _ in names(figures(at)[0])} == {"Digits, beta 1"}
    assert "Rate R: does not apply to Digits, plain autoencoder" in words(at).replace("\\", "")


def test_a_store_of_plain_autoencoders_alone(bundled_store: Path) -> None:
    for folder in bundled_store.iterdir():
        if folder.name != "bundled-digits-ae":
            shutil.rmtree(folder)
    at = healthy(open_page("curves"))
    assert {name for name, _ in names(figures(at)[0])} == {"Digits, plain autoencoder"}


def test_the_heat_map_is_the_history(bundled_store: Path) -> None:
    at = healthy(open_page("curves", runs="bundled-digits-8d", heatsplit="train"))
    heat = figures(at)[-1]["data"][0]
    last = history(bundled_store, "bundled-digits-8d")[-1]["train"]["rate_per_dimension"]
    order = sorted(range(8), key=lambda j: -last[j])
    assert figures(at)[-1]["layout"]["yaxis"]["ticktext"] == [f"z {j + 1}" for j in order]
    assert heat["type"] == "heatmap"


def test_an_empty_store_says_how_to_train(store: Path) -> None:
    at = healthy(open_page("curves"))
    assert "python -m core train digits-vae" in at.code[0].value


def test_no_run_chosen(bundled_store: Path) -> None:
    at = healthy(open_page("curves"))
    at.multiselect[0].set_value([]).run()
    assert "Choose a run above" in words(healthy(at))


def test_a_damaged_run_does_not_break_the_others(bundled_store: Path) -> None:
    (bundled_store / SWEEP[0] / "run.json").write_text("{")
    (bundled_store / SWEEP[2] / "history.jsonl").write_text("not json\n")
    at = healthy(open_page("curves", runs=",".join(SWEEP)))
    assert {name for name, _ in names(figures(at)[0])} == {"Digits, beta 1"}
    assert "Digits, beta 4 is left out" in words(at).replace("\\", "")


def test_it_needs_no_data(bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "none"))
    for folder in bundled_store.glob("bundled-fashion-*"):
        at = healthy(open_page("curves", runs=folder.name))
        assert len(figures(at)) == 2
        assert "nothing was held out" in words(at)
        return
    healthy(open_page("curves"))


def start_training(store: Path, run: str) -> Any:
    """Make a stored run look as it does while a process trains it: three epochs in, its lock held."""
    folder = shutil.copytree(store / SWEEP[1], store / run)
    document = json.loads((folder / "run.json").read_text())
    document |= {"id": run, "name": "In training", "state": "running"}
    (folder / "run.json").write_text(json.dumps(document))
    lines = (folder / "history.jsonl").read_text().splitlines(keepends=True)
    (folder / "history.jsonl").write_text("".join(lines[:3]))
    lock = run_lock(folder)
    lock.acquire()
    return lock


def test_a_run_whose_training_starts_joins_once_and_grows(bundled_store: Path) -> None:
    at = healthy(open_page("curves"))
    assert len(figures(at)[0]["data"]) == 6
    lock = start_training(bundled_store, "in-training-1")
    try:
        at.run()
        last = figures(healthy(at))[0]["data"][-1]
        assert last["meta"][0] == "In training [running]"
        before, kept = figures(at)[0]["layout"]["uirevision"], keepers(at)
        assert len(numbers(last["y"])) == 3
        line = (bundled_store / SWEEP[1] / "history.jsonl").read_text().splitlines(keepends=True)[3]
        with (bundled_store / "in-training-1" / "history.jsonl").open("a") as file:
            file.write(line)
            os.fsync(file.fileno())
        at.run()
        assert len(numbers(figures(at)[0]["data"][-1]["y"])) == 4
        assert (figures(at)[0]["layout"]["uirevision"], keepers(at)) == (before, kept)
        # taken out by hand, it stays out
        at.multiselect[0].set_value(list(SWEEP)).run()
        at.run()
        assert len(figures(healthy(at))[0]["data"]) == 6
    finally:
        lock.release()


def test_a_run_in_training_is_there_from_the_start(bundled_store: Path) -> None:
    lock = start_training(bundled_store, "in-training-1")
    try:
        assert figures(healthy(open_page("curves")))[0]["data"][0]["meta"][0] == "In training [running]"
        # a link that names its runs shows those alone
        assert len(figures(healthy(open_page("curves", runs=SWEEP[1])))[0]["data"]) == 2
    finally:
        lock.release()


GAN = "bundled-digits-vaegan"


@pytest.mark.parametrize(
    "quantity", ["feature_distortion", "adversarial", "discrimination", "discriminator_accuracy"]
)
def test_each_loss_of_a_game_is_a_curve_with_its_own_unit(bundled_store: Path, quantity: str) -> None:
    at = healthy(open_page("curves", runs=f"{GAN},{SWEEP[1]}", quantity=quantity))
    figure = figures(at)[0]
    assert names(figure) == [("Digits, VAE-GAN", "train"), ("Digits, VAE-GAN", "validation")]
    rows = history(bundled_store, GAN)
    for trace, split in zip(figure["data"], ("train", "validation"), strict=True):
        assert numbers(trace["y"]) == pytest.approx([row[split]["terms"][quantity] for row in rows], rel=1e-6)
    assert SCORES[quantity].unit in figure["layout"]["yaxis"]["title"]["text"]
    assert "Collapse" not in words(at)


def test_a_collapse_is_named(bundled_store: Path) -> None:
    rows = history(bundled_store, GAN)
    for row in rows[4:8]:
        row["train"]["terms"]["discriminator_accuracy"] = 0.99
    (bundled_store / GAN / "history.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    said = words(healthy(open_page("curves", runs=GAN)))
    assert (
        "Digits, VAE-GAN: Collapse: the discriminator was right on more than 98% of the images in epochs"
        in said
    )
