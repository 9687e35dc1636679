"""`denoise`: what it prints is what the engine measured."""

import json

import pytest

from core.cli import main
from core.denoising import denoise
from core.runs import open_run

RUN = "bundled-digits-dae"


def test_numbers_are_those_of_the_engine(bundled_store: None, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["denoise", RUN, "--kind", "masking", "--level", "0.4", "--seed", "3"]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    run = open_run(RUN)
    found = denoise(run, run.images("test"), kind="masking", level=0.4, seed=3)
    assert printed["psnr_noisy"] == pytest.approx(found.psnr_noisy, rel=1e-6)
    assert printed["psnr_denoised"] == pytest.approx(found.psnr_denoised, rel=1e-6)
    assert printed["images"] == 360
    assert (printed["unit"], printed["direction"]) == ("dB", "higher is better")
    assert main(words) == 0
    text = capsys.readouterr().out
    assert f"noisy {found.psnr_noisy:.2f} dB, reconstructed {found.psnr_denoised:.2f} dB" in text
    assert "higher is better" in text


def test_a_level_that_is_none_is_one_sentence(
    bundled_store: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["denoise", RUN, "--level", "1.5"]) == 2
    assert "from 0 to 1, not 1.5" in capsys.readouterr().err


def test_without_noise_there_is_nothing_to_measure(
    bundled_store: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["denoise", RUN, "--level", "0"]) == 0
    assert "noisy equal to the clean ones" in capsys.readouterr().out
