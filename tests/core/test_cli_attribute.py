"""`attribute`: the numbers of a vector between two labels, against numpy, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import core
from core.cli import main

EIGHT, AE, FASHION = "bundled-digits-8d", "bundled-digits-ae", "bundled-fashion-weight-500"


def measured(capsys: pytest.CaptureFixture[str], *words: str) -> dict:  # type: ignore[type-arg]
    assert main(["attribute", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


@pytest.mark.parametrize("run_id", [EIGHT, AE])
@pytest.mark.parametrize("source", ["5", "others"])
def test_the_vector_and_its_leakage(
    run_id: str, source: str, bundled_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = measured(capsys, run_id, "--to", "3", "--from", source, "--strength", "0.5", "--split", "train")
    latents = core.open_run(run_id).latents("train")
    means, labels = latents.means.astype(np.float64), latents.labels
    lacking = labels != 3 if source == "others" else labels == 5
    vector = means[labels == 3].mean(0) - means[lacking].mean(0)
    np.testing.assert_allclose(found["vector"], vector, atol=1e-9)
    spread = means.std(0) if run_id == AE else np.ones(means.shape[1])
    assert found["length"] == pytest.approx(np.linalg.norm(vector / spread))
    assert (found["images_to"], found["images_from"]) == ((labels == 3).sum(), lacking.sum())
    centres = np.stack([means[labels == k].mean(0) for k in range(10)])

    def nearest(z: np.ndarray) -> np.ndarray:
        return np.linalg.norm((z[:, None] - centres) / spread, axis=2).argmin(1)

    rest, now = nearest(means[lacking]), nearest(means[lacking] + 0.5 * vector)
    shares = [float(((now == k) & (now != rest)).mean()) for k in range(10)]
    assert found["moved_to"] == pytest.approx({str(k): share for k, share in enumerate(shares)})
    assert found["leakage"] == pytest.approx(sum(shares) - shares[3])
    assert found["agreement"] == pytest.approx((rest == labels[lacking]).mean())


def test_people_are_told_the_same(bundled_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [EIGHT, "--to", "3", "--from", "5"]
    found = measured(capsys, *words)
    assert main(["attribute", *words]) == 0
    said = capsys.readouterr().out
    assert "The average of 3 minus that of 5, test images: 37 and 37;" in said
    assert f"{found['length']:.3f} prior standard deviations long." in said
    assert f"other than 3: {100 * found['leakage']:.1f} % (lower is cleaner)" in said
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line.endswith(tuple("0123456789"))}
    for name, share in found["moved_to"].items():
        if share or name == "3":
            assert rows[name] == [name, "meant" if name == "3" else "leakage", f"{100 * share:.1f}"]


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        ((EIGHT, "--to", "ten"), 2, "There is no label 'ten': choose one of 0, 1, 2"),
        ((EIGHT, "--to", "3", "--from", "3"), 2, "'3' was given twice"),
        ((EIGHT, "--to", "3", "--strength", "nan"), 2, "is not a number from"),
        ((EIGHT,), 2, "--to"),
        ((FASHION, "--to", "Coat"), 1, "data fetch fashion-mnist"),
    ],
)
def test_what_is_refused_is_one_sentence(
    bundled_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    assert main(["attribute", *words]) == code
    out, err = capsys.readouterr()
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert out == ""
