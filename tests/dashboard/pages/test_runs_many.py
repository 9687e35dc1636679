"""The Runs page without a browser: tags, many runs at once, the trash, and links that say all of it."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from core.store import (
    TRASH,
    annotate,
    change_tags,
    delete_run,
    disk_use,
    list_runs,
    list_trash,
    read_record,
    size_text,
)
from dashboard import controls
from dashboard.gateway import RunRecord
from dashboard.pages import _runs_table as table
from tests.dashboard.runs_page import MARKUP, choose, opened, own_run, press, ran, rows, words

TAG = "<b>x</b> **s** $x$ :smile:"


def unescaped(app: AppTest) -> str:
    return words(app).replace("\\", "")


def keys(app: AppTest) -> list[str]:
    return [button.key for button in app.button]


def in_trash(store: Path, *names: str) -> None:
    """Runs of these names, deleted."""
    for k, name in enumerate(names):
        delete_run(read_record(own_run(store, name, f"mine-{k:06}")))


# --- tags ---------------------------------------------------------------------------------------------------------


def test_many_runs_are_tagged_at_once(bundled_store: Path) -> None:
    change_tags([read_record(bundled_store / "bundled-digits-ae")], add=["old", "known"])
    app = opened(order="name")
    app = press(choose(app, "Digits, beta 1", "Digits, beta 2"), "tag")
    assert "'Digits, beta 1', 'Digits, beta 2'" in unescaped(app)
    assert app.multiselect(key="runs-tag-add").options == ["known", "old"]
    assert app.multiselect(key="runs-tag-remove").disabled
    app.text_input(key="runs-tag-new").set_value(f"Paper , {TAG},")
    app.multiselect(key="runs-tag-add").set_value(["known"])
    app = press(app, "tag-save")
    for run_id in ("bundled-digits-beta-1", "bundled-digits-beta-2"):
        assert set(read_record(bundled_store / run_id).tags) == {"paper", TAG.lower(), "known"}
    assert read_record(bundled_store / "bundled-digits-beta-3").tags == ()
    shown = rows(app).set_index("name")["tags"]
    assert shown["Digits, beta 1"] == f"{TAG}, known, paper"
    assert pd.isna(shown["Digits, beta 3"])
    # data wherever they stand: never as typed in what Markdown reads
    assert TAG not in "\n".join(str(e.value) for e in (*app.markdown, *app.caption, *app.toast))


def test_tags_are_removed_and_a_wrong_one_changes_nothing(bundled_store: Path) -> None:
    folders = [bundled_store / f"bundled-digits-beta-{beta}" for beta in (1, 2)]
    annotate(folders[0], tags=["a", "b"])
    annotate(folders[1], tags=["b", "c"])
    app = press(choose(opened(), "Digits, beta 1", "Digits, beta 2"), "tag")
    assert app.multiselect(key="runs-tag-remove").options == ["a", "b", "c"]
    assert app.multiselect(key="runs-tag-add").options == ["a", "c"]  # b is there already, of both
    app.text_input(key="runs-tag-new").set_value("x" * 40)
    app.multiselect(key="runs-tag-remove").set_value(["b"])
    app.button(key="runs-tag-save").click().run()
    assert "at most 32 characters" in app.error[0].value
    assert [read_record(folder).tags for folder in folders] == [("a", "b"), ("b", "c")]
    app.text_input(key="runs-tag-new").set_value("")
    press(app, "tag-save")
    assert [read_record(folder).tags for folder in folders] == [("a",), ("c",)]


def test_a_chosen_run_says_its_tags_plainly(bundled_store: Path) -> None:
    annotate(bundled_store / "bundled-digits-beta-1", tags=[TAG])
    app = choose(opened(), "Digits, beta 1")
    assert controls.plain(f"tagged {TAG}") in words(app)
    assert f"{size_text(disk_use(bundled_store / 'bundled-digits-beta-1'))} on disk" in unescaped(app)


def test_a_folder_that_is_no_run_has_no_tags(bundled_store: Path) -> None:
    (bundled_store / "photos").mkdir()
    (bundled_store / "photos" / "a.txt").write_text("a")
    app = choose(opened(), "photos", "Digits, beta 1")
    assert app.button(key="runs-tag").disabled
    assert pd.isna(rows(app).set_index("name")["disk"]["photos"])


# --- links --------------------------------------------------------------------------------------------------------


def test_tags_narrow_the_list_by_link(bundled_store: Path) -> None:
    for beta, tags in (("1", ["a", "b c"]), ("2", ["a"]), ("3", ["b c"])):
        annotate(bundled_store / f"bundled-digits-beta-{beta}", tags=tags)
    app = opened(tags="a", order="name")
    assert list(rows(app)["name"]) == ["Digits, beta 1", "Digits, beta 2"]
    app.multiselect(key="tags").set_value(["a", "b c"]).run()
    assert list(rows(app)["name"]) == ["Digits, beta 1"]
    assert app.query_params["tags"] == "a,b c"
    assert list(rows(opened(find="b c"))["name"]) != []
    app.text_input(key="find").set_value("nothing").run()
    press(app, "clear")
    assert "tags" not in app.query_params
    assert len(rows(app)) > 5


def test_one_link_says_all_filters(bundled_store: Path) -> None:
    annotate(bundled_store / "bundled-digits-beta-2", tags=["a"], hidden=True)
    annotate(bundled_store / "bundled-digits-beta-3", tags=["a"])
    link = {
        "find": "digits",
        "data": "digits",
        "family": "vae",
        "state": "finished",
        "tags": "a",
        "order": "disk",
        "hidden": "1",
    }
    app = opened(**link)
    assert set(rows(app)["name"]) == {"Digits, beta 2", "Digits, beta 3"}
    assert {key: app.query_params[key] for key in link} == link
    app.toggle(key="hidden").set_value(False).run()
    assert list(rows(app)["name"]) == ["Digits, beta 3"]
    assert "hidden" not in app.query_params


def test_the_trash_has_a_link_and_the_filters_stay(bundled_store: Path) -> None:
    in_trash(bundled_store, "Gone")
    app = opened(find="bundled-digits-beta-2", hidden="1")
    app.segmented_control(key="view").set_value("trash").run()
    assert app.query_params["view"] == "trash"
    assert list(rows(app)["name"]) == ["Gone"]
    app.segmented_control(key="view").set_value("runs").run()
    assert list(rows(ran(app))["name"]) == ["Digits, beta 2"]
    assert app.toggle(key="hidden").value
    assert list(rows(opened(view="trash"))["name"]) == ["Gone"]
    assert len(rows(opened(view="nonsense"))) > 5


# --- disk use -----------------------------------------------------------------------------------------------------


def test_the_page_says_what_is_on_disk(bundled_store: Path) -> None:
    sizes = {record.name: disk_use(record.folder) for record in list_runs(bundled_store)}
    assert f"22 runs, {size_text(sum(sizes.values()))} on disk" in unescaped(opened())
    app = opened(find="bundled-digits-8d")
    part = size_text(sizes["Digits, 8 dimensions"])
    assert f"1 of 22 runs, {part} of {size_text(sum(sizes.values()))} on disk" in unescaped(app)
    both = sizes["Digits, beta 1"] + sizes["Digits, beta 2"]
    app = choose(opened(), "Digits, beta 1", "Digits, beta 2")
    assert f"2 chosen, {size_text(both)} on disk" in unescaped(app)
    in_trash(bundled_store, "Gone")
    (entry,) = list_trash(bundled_store)
    assert f"1 in the trash ({size_text(entry.size)})" in unescaped(opened())


# --- many at once -------------------------------------------------------------------------------------------------


def test_chosen_runs_are_downloaded(bundled_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[str]] = []
    real = table.download_frame

    def seen(records: list[RunRecord], *others: Any) -> pd.DataFrame:
        written.append([record.name for record in records])
        return real(records, *others)

    monkeypatch.setattr(table, "download_frame", seen)
    annotate(bundled_store / "bundled-digits-beta-1", tags=["=1+1", "b"])
    app = choose(opened(order="name"), "Digits, beta 1", "Digits, beta 2")
    button = next(one for one in app.get("download_button") if one.proto.label == "CSV")
    assert not button.proto.disabled
    assert ["Digits, beta 1", "Digits, beta 2"] in written
    record = read_record(bundled_store / "bundled-digits-beta-1")
    frame = real([record], {record.folder: 7})
    csv = pd.read_csv(io.BytesIO(controls.csv_bytes(frame)))
    assert (csv.loc[0, "tags"], csv.loc[0, "disk use (bytes)"]) == ("'=1+1, b", 7)
    assert len(real([], {})) == 0


def test_many_runs_are_deleted_with_one_question_that_names_them(bundled_store: Path) -> None:
    folders = [own_run(bundled_store, f"{MARKUP} {k}", f"mine-{k:06}") for k in range(4)]
    size = size_text(sum(disk_use(folder) for folder in folders))
    chosen = [f"{MARKUP} {k}" for k in range(4)]
    app = press(choose(opened(), *chosen, "Digits, beta 2"), "delete")
    said = words(app)
    assert f"4 runs will move to the trash**, {size} in all" in said
    for name in chosen:
        assert f"- **{controls.plain(name)}**" in said
    assert "'Digits, beta 2' came with VAEScope" in unescaped(app)
    assert all(folder.exists() for folder in folders)
    app = press(app, "delete-yes")
    assert not any(folder.exists() for folder in folders)
    assert (bundled_store / "bundled-digits-beta-2" / "run.json").exists()
    assert {entry.record.name for entry in list_trash(bundled_store)} == set(chosen)
    assert not set(chosen) & set(rows(app)["name"])
    assert "4 in the trash" in unescaped(app)


def test_a_run_in_training_is_refused_and_the_others_go(bundled_store: Path) -> None:
    own_run(bundled_store, "Busy", "busy-aaaaaa", state="running")
    own_run(bundled_store, "Idle", "idle-aaaaaa")
    with FileLock(bundled_store / "busy-aaaaaa" / "lock"):
        app = press(choose(opened(), "Busy", "Idle"), "delete")
        assert "'Busy' is being trained" in unescaped(app)
        press(app, "delete-yes")
        assert [entry.id for entry in list_trash(bundled_store)] == ["idle-aaaaaa"]
        assert read_record(bundled_store / "busy-aaaaaa").state == "running"


def test_many_runs_are_hidden_and_shown(bundled_store: Path) -> None:
    both = ["Digits, beta 1", "Digits, beta 2"]
    app = press(choose(opened(), *both), "hide")
    assert not set(both) & set(rows(app)["name"])
    app.toggle(key="hidden").set_value(True).run()
    app = press(choose(app, *both), "show")
    assert not any(record.hidden for record in list_runs(bundled_store))


# --- the trash ----------------------------------------------------------------------------------------------------


def test_an_empty_trash_says_what_it_is_for(bundled_store: Path) -> None:
    app = opened(view="trash")
    assert "The trash is empty" in words(app)
    assert not app.dataframe


def test_runs_are_restored(bundled_store: Path) -> None:
    in_trash(bundled_store, MARKUP, "Other")
    app = opened(view="trash")
    listed = rows(app).set_index("name")
    assert set(listed.index) == {MARKUP, "Other"}
    assert listed.loc["Other", "map"].startswith("data:image/png;base64,")
    entries = {entry.record.name: entry for entry in list_trash(bundled_store)}
    assert listed.loc["Other", "disk"] == entries["Other"].size
    assert listed.loc["Other", "deleted"].isoformat() == entries["Other"].deleted
    assert all(app.button(key=f"runs-{key}").disabled for key in ("restore", "purge"))
    app = press(choose(app, MARKUP, table="runs-trash"), "restore")
    assert list(rows(app)["name"]) == ["Other"]
    assert read_record(bundled_store / "mine-000000").name == MARKUP
    assert controls.plain(f"Restored: '{MARKUP}'") in app.toast[0].value
    assert MARKUP in list(rows(opened())["name"])


def test_a_run_whose_id_is_taken_gets_a_new_one_and_is_told_so(bundled_store: Path) -> None:
    in_trash(bundled_store, "First")
    own_run(bundled_store, "Second", "mine-000000")
    app = press(choose(opened(view="trash"), "First", table="runs-trash"), "restore")
    assert "under the new id mine-000000-" in unescaped(app)
    assert {"First", "Second"} <= {record.name for record in list_runs(bundled_store)}


@pytest.mark.parametrize("whole", [True, False])
def test_deleting_for_good_asks_and_says_what_it_frees(bundled_store: Path, whole: bool) -> None:
    in_trash(bundled_store, MARKUP, "Other")
    doomed = [entry for entry in list_trash(bundled_store) if whole or entry.record.name == MARKUP]
    size = size_text(sum(entry.size for entry in doomed))
    app = opened(view="trash")
    button = "empty" if whole else "purge"
    app = press(app if whole else choose(app, MARKUP, table="runs-trash"), button)
    count = "2 runs" if whole else "1 run"
    assert f"**{count} will be deleted for good**, which frees {size}. This cannot be undone" in words(app)
    assert f"- **{controls.plain(MARKUP)}**" in words(app)
    app = press(app, "purge-no")
    assert len(list_trash(bundled_store)) == 2
    assert "runs-purge-yes" not in keys(app)
    # what comes into the trash while the question stands is not part of the answer
    app = press(app, button)
    late = own_run(bundled_store, "Late", "late-aaaaaa")
    delete_run(read_record(late))
    app = press(app, "purge-yes")
    left = {entry.record.name for entry in list_trash(bundled_store)}
    assert left == ({"Late"} if whole else {"Late", "Other"})
    assert f"{count} deleted for good, {size} freed" in unescaped(app)


def test_a_broken_run_in_the_trash_is_shown_with_its_state(bundled_store: Path) -> None:
    folder = own_run(bundled_store)
    (folder / "run.json").write_text("{")
    delete_run(read_record(folder))
    app = opened(view="trash")
    assert rows(app).loc[0, "state"] == "damaged"
    press(choose(app, "mine-aaaaaa", table="runs-trash"), "restore")
    assert read_record(folder).state == "damaged"


def test_another_hand_was_faster(bundled_store: Path) -> None:
    in_trash(bundled_store, "Gone")
    app = choose(opened(view="trash"), "Gone", table="runs-trash")
    app = press(app, "purge")
    (bundled_store / TRASH).rename(bundled_store / ".elsewhere")
    ran(app.button(key="runs-purge-yes").click().run())
    assert "The trash is empty" in words(app)
    assert "runs-purge-yes" not in keys(app)


def test_a_trash_that_is_a_link_costs_no_listing(bundled_store: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (bundled_store / TRASH).symlink_to(tmp_path / "mine")
    app = opened()
    assert len(rows(app)) == 22
    assert "the trash cannot be read" in words(app)


def test_only_the_trash_has_runs(store: Path, bundled_store: Path) -> None:
    for record in list_runs(bundled_store):
        if record.id != "bundled-digits-ae":
            record.folder.rename(bundled_store / f".{record.id}")
    (bundled_store / "bundled-digits-ae").rename(bundled_store / ".ae")
    place = bundled_store / TRASH / "20250101T000000Z-abcdef"
    place.mkdir(parents=True)
    (bundled_store / ".ae").rename(place / "bundled-digits-ae")
    app = opened()
    assert "No run can be shown yet" in words(app)
    assert "1 in the trash" in words(app)
