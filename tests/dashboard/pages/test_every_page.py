"""Every page of the dashboard, headless, in the states that a store can be in: none ends in an error."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.training.run import train
from dashboard.app import PAGES
from tests.dashboard.headless import healthy, open_page


def bundled(store: Path, nothing: Path) -> dict[str, str]:
    """As a fresh machine has it: the bundled runs, no data set but digits."""
    return {}


def empty(store: Path, nothing: Path) -> dict[str, str]:
    """Not one run."""
    shutil.rmtree(store)
    return {}


def damaged(store: Path, nothing: Path) -> dict[str, str]:
    """Among good runs: one cut short, one from the future, one that is none, one without its weights."""
    (store / "bundled-digits-beta-1" / "run.json").write_text('{"format": 1, "id"')
    (store / "bundled-digits-beta-2" / "run.json").write_text('{"format": 99}')
    (store / "holiday-pictures").mkdir()
    (store / "holiday-pictures" / "beach.txt").write_text("sea")
    next((store / "bundled-digits-beta-4").glob("model-*.safetensors")).unlink()
    (store / "bundled-digits-8d" / "history.jsonl").write_text("not JSON\n")
    (store / "bundled-digits-beta-3" / "scores.json").write_text("[]")
    return {"run": "bundled-digits-beta-1", "runs": "bundled-digits-beta-1,bundled-digits-beta-0p5"}


def without_data(store: Path, nothing: Path) -> dict[str, str]:
    """Only runs whose images are not on this machine."""
    for folder in store.glob("bundled-digits-*"):
        shutil.rmtree(folder)
    return {
        "run": "bundled-fashion-weight-500",
        "runs": "bundled-fashion-weight-500,bundled-fashion-weight-50",
    }


def only_without_posterior(store: Path, nothing: Path) -> dict[str, str]:
    """One run, and it has no posterior."""
    for folder in store.iterdir():
        if folder.name != "bundled-digits-ae":
            shutil.rmtree(folder)
    return {"run": "bundled-digits-ae"}


def only_linear(store: Path, nothing: Path) -> dict[str, str]:
    """Runs of linear codes alone, in closed form and trained."""
    for folder in store.iterdir():
        if not folder.name.startswith(("bundled-digits-pca", "bundled-digits-linear")):
            shutil.rmtree(folder)
    return {"run": "bundled-digits-pca-8d", "runs": "bundled-digits-pca,bundled-digits-linear"}


def only_unusual(store: Path, nothing: Path) -> dict[str, str]:
    """Two short VAEs: binary pixels with free bits and an MMD, and a Gaussian whose sigma is learned."""
    for folder in store.iterdir():
        shutil.rmtree(folder)
    brief = {"epochs": 2, "hidden": (16,), "threads": 1, "device": "cpu"}
    binary = {"binarise": "sampled", "free_bits": 0.5, "mmd_weight": 5}
    train(RunConfig.make({**brief, **binary}), name="Binary", store=store, run_id="binary")
    gaussian = {"likelihood": "gaussian", "learn_sigma": True}
    train(RunConfig.make({**brief, **gaussian}), name="Gaussian", store=store, run_id="gaussian")
    return {"run": "binary", "runs": "binary,gaussian"}


@pytest.mark.parametrize(
    "state", [bundled, empty, damaged, without_data, only_without_posterior, only_linear, only_unusual]
)
@pytest.mark.parametrize("module", [row.module for row in PAGES])
def test_page(
    module: str,
    state: Callable[[Path, Path], dict[str, str]],
    bundled_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    query = state(bundled_store, tmp_path)
    # not wrapped by the guard, so that an error is an exception here and not a sentence
    at = AppTest.from_string(f"from dashboard.pages.{module} import page\npage()", default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    assert at.title
    said = [element.value for element in (*at.info, *at.warning, *at.caption, *at.markdown)]
    if state is empty:
        assert any("python -m core train" in code.value for code in at.code), said
    if state is without_data and module in ("latent", "compare", "tradeoff", "edit"):
        assert any("not on this machine" in one for one in said), said


def test_an_unexpected_error_is_a_sentence_with_a_number_and_the_log_has_the_rest(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = "from dashboard.controls import guarded\nguarded(lambda: 1 / 0)()"
    at = AppTest.from_string(script, default_timeout=60).run()
    assert not at.exception
    (said,) = [error.value for error in at.error]
    assert "ZeroDivisionError" not in said
    (record,) = [record for record in caplog.records if record.name == "vaescope"]
    assert record.exc_info
    number = record.getMessage().split()[1]
    assert number in said


@pytest.mark.parametrize("module", [row.module for row in PAGES])
def test_how_to_read_is_sent_when_it_is_opened(bundled_store: Path, module: str) -> None:
    at = healthy(open_page(module))
    (book,) = [one for one in at.expander if one.label == "How to read this"]
    assert not book.markdown
    at.session_state["how-to-read"] = True
    (book,) = [one for one in healthy(at.run()).expander if one.label == "How to read this"]
    assert len(book.markdown[0].value) > 200
