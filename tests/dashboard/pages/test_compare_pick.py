"""Which runs the Compare page takes, headless: pickers, links, swaps, damaged runs, data that are not here."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.compare_page import (
    AE,
    EIGHT,
    ONE,
    TENTH,
    curves,
    link,
    opened,
    pictures,
    table,
    titles,
    without_data,
)
from tests.dashboard.headless import healthy, maps, open_page, words


def test_the_same_run_twice_says_so(bundled_store: Path) -> None:
    at = healthy(opened(ONE, ONE))
    assert "A and B are the same run" in words(at)
    assert "None: both runs have the same settings" in words(at)
    rows = table(at, "Score", last="Pixels n")
    assert rows["Distortion D"]["Better"] == "equal"
    assert rows["Distortion D"]["A − B"] == "0.00"
    _, sections = maps(at)[0]
    np.testing.assert_array_equal(sections["xy:A-p"], sections["xy:B-p"])


def test_swapping_exchanges_the_runs_and_their_dimensions(bundled_store: Path) -> None:
    at = opened(ONE, EIGHT, **{"dx-b": "1", "dy-b": "4"})
    at.button(key="swap").click()
    healthy(at.run())
    assert link(at) == f"{EIGHT},{ONE}"
    assert titles(at)[0].startswith("A: latent means · Digits, 8 dimensions")
    assert maps(at)[0][0]["panels"][0]["x_title"].startswith("z 1 ")


def swapped_before_a_picker_is_drawn() -> None:
    """A page that swaps while the picker of A says what no run is called."""
    import streamlit as st

    from dashboard import state
    from dashboard.pages import _compare_pick

    state.put(_compare_pick.KEY, ["one", "other", "third"])
    st.session_state["run-a"], st.session_state["run-b"] = "unknown", "other"
    _compare_pick._swap({"one": "One", "other": "Other", "third": "Third"})
    st.text(",".join(state.kept(_compare_pick.KEY)))


def test_swapping_goes_by_the_kept_runs_where_a_picker_says_nothing_known() -> None:
    at = healthy(AppTest.from_function(swapped_before_a_picker_is_drawn, default_timeout=60).run())
    assert at.text[0].value == "other,one,third"


def test_the_pickers_change_the_link_and_a_new_link_the_pickers(bundled_store: Path) -> None:
    at = opened(ONE, TENTH)
    at.selectbox(key="run-b").select(EIGHT)
    healthy(at.run())
    assert link(at) == f"{ONE},{EIGHT}"
    at.query_params["runs"] = f"{AE},{TENTH}"
    healthy(at.run())
    assert [at.selectbox(key=f"run-{side}").value for side in "ab"] == [AE, TENTH]


def test_one_named_run_is_compared_with_a_sensible_other(bundled_store: Path) -> None:
    at = healthy(opened(EIGHT))
    assert [at.selectbox(key=f"run-{side}").value for side in "ab"] == [EIGHT, ONE]
    lost = healthy(opened("gone-<b>", TENTH))
    assert "cannot be compared" in words(lost)
    assert [lost.selectbox(key=f"run-{side}").value for side in "ab"] == [TENTH, ONE]


def test_a_run_deleted_elsewhere_is_said_and_the_other_keeps_its_letter(bundled_store: Path) -> None:
    pair = ("bundled-digits-beta-0p1", "bundled-digits-beta-3")
    at = healthy(open_page("compare", runs=",".join(pair)))
    shutil.rmtree(bundled_store / pair[0])
    healthy(at.run())
    assert f"{pair[0]} cannot be compared: it was deleted" in words(at)
    assert at.session_state["run-b"] == pair[1]
    assert at.session_state["run-a"] not in pair


def test_an_empty_store_and_a_store_of_one_say_what_to_do(bundled_store: Path) -> None:
    for folder in bundled_store.iterdir():
        if folder.name != ONE:
            shutil.rmtree(folder)
    at = healthy(opened())
    assert "Comparing needs two runs" in words(at)
    assert at.code[0].value.startswith("python -m core train")
    shutil.rmtree(bundled_store / ONE)
    at = healthy(opened())
    assert "No run can be shown yet" in words(at)


def test_a_damaged_run_is_left_out_and_breaks_nothing(bundled_store: Path) -> None:
    (bundled_store / TENTH / "run.json").write_text("{")
    at = healthy(opened(ONE, TENTH))
    assert "cannot be compared" in words(at)
    assert TENTH not in link(at)
    assert len(maps(at)) == 1


def test_damaged_weights_are_named_and_the_rest_is_compared(bundled_store: Path) -> None:
    weights = next((bundled_store / TENTH).glob("model-*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-7])
    at = healthy(opened(ONE, TENTH))
    (warning,) = at.warning
    assert warning.value.startswith("**B: Digits, beta 0\\.1** makes no images: its weights cannot be read.")
    assert len(maps(at)) == 1
    assert "12 test images and their reconstructions by A" in pictures(at)
    assert "12 prior samples of A" in pictures(at)
    assert table(at, "Score", last="Pixels n")["Distortion D"]["Better"] == "B is better"


@pytest.mark.parametrize("broken", ["A", "B"])
def test_damaged_latents_are_named_and_the_rest_is_compared(bundled_store: Path, broken: str) -> None:
    runs = [ONE, TENTH, "bundled-digits-beta-2"]
    path = bundled_store / runs["ABC".index(broken)] / "latents-test.npz"
    path.write_bytes(path.read_bytes()[:-40])
    at = healthy(opened(*runs, split="test", space="orthogonal"))
    (warning,) = at.warning
    name = {"A": "Digits, beta 1", "B": "Digits, beta 0\\.1"}[broken]
    assert warning.value.startswith(f"**{broken}: {name}** is left out of maps, similarity and differences")
    assert "'latents-test.npz' is damaged" in warning.value.replace("\\", "")
    header, _ = maps(at)[0]
    others = [letter for letter in "ABC" if letter != broken]
    assert [panel["id"] for panel in header["panels"]] == [f"{letter}-latent" for letter in others]
    assert table(at, "Score", last="Pixels n")["Distortion D"]["Better"] == "B is best"
    assert "12 test images and their reconstructions by A, B and C" in pictures(at)
    assert len(curves(at)) == 1
    differences = [element for element in at.dataframe if element.value.columns[0] == "Run"]
    if broken == "A":
        assert not differences
        assert "A's latents cannot be read, and each run is compared with it." in words(at)
    else:
        assert set(differences[0].value["Run"]) == {"C"}


def test_two_runs_of_which_one_has_damaged_latents(bundled_store: Path) -> None:
    path = bundled_store / TENTH / "latents-test.npz"
    path.write_bytes(b"no archive")
    at = healthy(opened(ONE, TENTH, split="test", colour="d-change"))
    assert [panel["id"] for panel in maps(at)[0][0]["panels"]] == ["A-latent", "A-p"]
    assert "no other run here measures what A does" in words(at)
    assert "show the test images on the maps" not in words(at)
    assert len(curves(at)) == 1


def test_without_the_data_set_what_works_still_shows(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    without_data(bundled_store, "far-a")
    without_data(bundled_store, "far-b", source=TENTH)
    at = healthy(opened("far-a", "far-b"))
    assert maps(at) == []
    assert "are not on this machine" in words(at)
    assert [button.key for button in at.button if button.key.startswith("fetch")] == ["fetch-mnist"]
    assert "12 prior samples of A and B" in pictures(at)
    assert len(curves(at)) == 1
    assert table(at, "Score", last="Pixels n")["Distortion D"]["Better"] == "B is better"
    assert "A and B: reconstructions need the images" in words(at)
    assert set(table(at, "Setting")) == {"beta", "reconstruction_weight"}


def test_a_dead_code_is_named_under_its_letter(bundled_store: Path) -> None:
    at = healthy(opened(ONE, "bundled-digits-beta-4"))
    assert [one.value.split(":")[:2] for one in at.warning] == [["B", " Its code is dead"]]
