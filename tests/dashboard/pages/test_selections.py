"""The Selections page, headless: what is kept is listed, chosen, renamed, combined, deleted and brought back."""

import shutil
from pathlib import Path

from core.store import SELECTIONS, find_selection, list_selections
from dashboard import gateway
from tests.dashboard.headless import healthy, words
from tests.dashboard.selections_page import (
    CODE,
    FASHION,
    MARKUP,
    ONE,
    keep,
    no_image_sets,
    opened,
    press,
    table,
)

__all__ = ["no_image_sets"]  # fixtures


def test_kept_selections_are_listed_and_the_newest_is_shown(bundled_store: Path) -> None:
    keep("Two images", test=[5, 9], train=[1])
    at = opened()
    row = table(at).iloc[0]
    assert (row["name"], row["data"], row["images"], row["splits"]) == (
        "Two images",
        "digits",
        3,
        "1 train, 2 test",
    )
    assert row["run"] == "Digits, beta 1"
    assert "None is in use on the other pages" in words(at)
    assert "selection" not in at.query_params


def test_a_row_of_the_table_takes_a_selection_in_use(bundled_store: Path) -> None:
    first, second = keep("First"), keep("Second", test=[5, 9])
    at = opened(selection=first.id)
    assert at.selectbox(key="selection").value == first.id
    before = at.session_state["remembered:selections-table"]
    assert before[2] == first.id
    names = list(table(at)["name"])
    at.session_state[f"selections-table-{before[3]}"] = {"selection": {"rows": [names.index("Second")]}}
    at = healthy(at.run())
    assert at.query_params["selection"] == second.id
    assert at.selectbox(key="selection").value == second.id
    at.session_state[f"selections-table-{before[3]}"] = {"selection": {"rows": []}}
    at = healthy(at.run())
    assert "selection" not in at.query_params
    # chosen in the box, the table begins anew with its row
    at.selectbox(key="selection").set_value(first.id)
    at = healthy(at.run())
    assert at.session_state["remembered:selections-table"][2:] == (first.id, before[3] + 1)


def test_a_link_to_one_that_is_gone_says_so(bundled_store: Path) -> None:
    keep()
    at = opened(selection="gone-000000")
    assert "gone-000000 is not here" in words(at)
    assert "selection" not in at.query_params


def test_it_is_looked_at_through_runs_of_its_data_alone(bundled_store: Path) -> None:
    made, other = keep("Threes"), keep("Coats", run=FASHION, test=[3])
    at = opened(selection=made.id, run=CODE)
    assert at.selectbox(key="run").value == CODE
    assert FASHION not in [one.id for one in gateway.runs() if one.name in at.selectbox(key="run").options]
    at.selectbox(key="selection").set_value(other.id)
    at = healthy(at.run())
    assert at.query_params["run"] == FASHION
    assert not [warning.value for warning in at.warning]
    at.selectbox(key="dataset").set_value("digits")
    assert list(table(healthy(at.run()))["name"]) == ["Threes"]


def test_where_no_run_has_the_data_it_says_so(bundled_store: Path) -> None:
    keep("Threes")
    for folder in bundled_store.glob("bundled-digits-*"):
        shutil.rmtree(folder)
    at = opened()
    assert "No run of digits can be opened" in words(at)
    assert table(at)["run"].tolist() == [f"{ONE} (gone)"]


def test_rename_and_a_name_that_is_taken(bundled_store: Path) -> None:
    keep("Other", test=[5])
    made = keep("Threes")
    at = press(opened(selection=made.id), "selections-rename")
    at.text_input(key=f"selections-name-{made.id}").set_value("Other")
    at.button(key="selections-rename-yes").click().run()
    assert "already" in at.error[0].value
    at.text_input(key=f"selections-name-{made.id}").set_value(MARKUP)
    at = press(at, "selections-rename-yes")
    assert find_selection(made.id).name == MARKUP
    assert MARKUP in list(table(at)["name"])
    assert at.query_params["selection"] == made.id


def test_deleted_after_asking_and_brought_back(bundled_store: Path) -> None:
    made = keep("Threes")
    at = press(opened(selection=made.id), "selections-delete")
    assert list_selections() == [made]
    at = press(at, "selections-delete-yes")
    assert list_selections() == []
    assert "selection" not in at.query_params
    assert "Deleted Threes" in words(at)
    assert not [warning.value for warning in at.warning]
    at = press(at, "selections-undo")
    assert list_selections() == [made]
    assert at.query_params["selection"] == made.id
    assert "selections-undo" not in [button.key for button in at.button]


def test_an_undo_that_cannot_be_says_why(bundled_store: Path) -> None:
    made = keep("Threes")
    at = press(press(opened(selection=made.id), "selections-delete"), "selections-delete-yes")
    keep("Threes", test=[5])
    at.button(key="selections-undo").click().run()
    assert "already" in at.error[0].value
    press(at, "selections-dismiss")
    assert len(list_selections()) == 1


def test_cancelled_nothing_is_deleted(bundled_store: Path) -> None:
    made = keep("Threes")
    press(press(opened(selection=made.id), "selections-delete"), "selections-delete-no")
    assert list_selections() == [made]


def test_two_are_combined(bundled_store: Path) -> None:
    keep("B", test=[5, 9])
    made = keep("A", test=[9, 11])
    at = press(opened(selection=made.id), "selections-combine")
    assert "3 images in 'A' or in 'B'" in words(at)
    at.radio(key="selections-how").set_value("difference")
    at = healthy(at.run())
    assert "1 image in 'A' and not in 'B'" in words(at)
    at.text_input(key="selections-combined-name").set_value("A alone")
    at = press(at, "selections-combine-yes")
    assert find_selection("A alone").rows == {"test": (11,)}
    assert at.query_params["selection"] == find_selection("A alone").id
    alone = keep("Coats", run=FASHION, test=[3])
    assert opened(selection=alone.id).button(key="selections-combine").disabled


def test_broken_files_are_listed_with_the_reason_and_deleted(bundled_store: Path) -> None:
    keep("Threes")
    (bundled_store / SELECTIONS / "bad-000000.json").write_text("{")
    at = opened()
    assert list(table(at)["name"]) == ["Threes"]
    assert "bad-000000: 'bad-000000.json' is damaged" in words(at)
    at = press(press(at, "selections-broken-0"), "selections-delete-yes")
    assert [one.name for one in list_selections()] == ["Threes"]
    assert "selections-undo" not in [button.key for button in at.button]
