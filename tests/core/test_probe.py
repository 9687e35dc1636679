"""The probe set: what is kept of it after each epoch, and what a crash, a resume and ten thousand epochs do to it"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data import catalog
from core.data.images import ImageSet
from core.encoding import build_model, pixel_tensor, split_labels, split_tensors
from core.errors import CheckpointError
from core.families import FAMILIES
from core.runs import Run, load_images
from core.training import watch
from core.training.loop import HeldOut, epochs
from core.training.material import load_material
from core.training.probe import (
    DOCUMENT,
    MEANS,
    SHOWN,
    Probe,
    ProbeWriter,
    choose,
    most_rows,
    read_probe,
    read_shown,
)
from core.training.run import train
from core.training.watch import Watch
from tests.core.fitting import weights_of
from tests.core.pausing import stop_after
from tests.core.shared import Copy, Small, Trained


def read(folder: Path, **options: Any) -> Probe:
    found = read_probe(folder, **options)
    assert found is not None
    return found


def images(count: int = 5) -> ImageSet:
    return catalog.load("digits", "test").select(np.arange(count))


def writer(folder: Path, *, latent: int = 3, report_every: int = 1, after: int | None = None) -> ProbeWriter:
    return ProbeWriter(folder, images(), latent=latent, report_every=report_every, after=after)


def means(epoch: int, latent: int = 3) -> np.ndarray:
    return np.random.default_rng(epoch).standard_normal((5, latent)).astype(np.float32)


def add(to: ProbeWriter, *which: int) -> None:
    for epoch in which:
        to.add(epoch, means(epoch))


# ---- of a run


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_row_is_what_the_run_stored(family: str, trained: Trained) -> None:
    run = trained(family=family, network=FAMILIES[family].networks[0])
    found, latents = read(run.record.folder), run.latents("validation")
    of = {row: place for place, row in enumerate(latents.ids.tolist())}
    rows = [of[row] for row in found.ids.tolist()]
    closed = FAMILIES[family].closed_form
    assert found.epochs.tolist() == ([1] if closed else [0, 1, 2, 3])
    assert found.split == "validation"
    assert len(found.ids) == len(latents)  # fewer than 2,000 are held out
    np.testing.assert_array_equal(found.labels, latents.labels[rows])
    np.testing.assert_allclose(found.means[-1], latents.means[rows], atol=1e-5, rtol=1e-5)
    assert found.class_names == run.class_names
    np.testing.assert_array_equal(read(run.record.folder, newest=True).means, found.means[-1:])


def test_without_a_held_out_split_it_is_the_test_split(trained: Trained) -> None:
    run = trained(validation=0)
    found, latents = read(run.record.folder), run.latents("test")
    assert found.split == "test"
    of = {row: place for place, row in enumerate(latents.ids.tolist())}
    stored = latents.means[[of[row] for row in found.ids.tolist()]]
    np.testing.assert_allclose(found.means[-1], stored, atol=1e-5, rtol=1e-5)
    assert not np.allclose(found.means[0], stored, atol=0.1)


@pytest.mark.parametrize("family", ["vae", "cvae"])
def test_the_pictures_are_the_runs_reconstructions(family: str, trained: Trained) -> None:
    run: Run = trained(family=family)
    shown, held = read_shown(run.record.folder), run.images("validation")
    assert shown is not None
    of = {row: place for place, row in enumerate(held.ids.tolist())}
    rows = np.array([of[row] for row in shown.ids.tolist()])
    np.testing.assert_array_equal(shown.originals, held.pixels[rows])
    again = run.reconstruct(held.pixels[rows], held.labels[rows])
    assert np.abs(shown.reconstructions - again * 255).max() <= 0.51
    assert (shown.epoch, len(rows)) == (3, 16)
    np.testing.assert_array_equal(shown.ids, read(run.record.folder).ids[:16])


@pytest.mark.parametrize("steps, epoch", [(4, 2), (5, 2), (1, 0)])
def test_the_pictures_of_a_run_that_was_stopped_are_those_of_its_last_whole_epoch(
    steps: int, epoch: int, small: Small, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short the epochs are: what was held back is written at the end."""
    monkeypatch.setattr(watch, "PAUSE", 1e6)
    config = small(epochs=4, batch_size=750, validation=0.1)  # two steps an epoch
    run = train(config, store=store, hooks=stop_after(steps))
    shown = read_shown(run.record.folder)
    assert run.state == "stopped"
    assert shown is not None
    assert shown.epoch == run.document.epoch == epoch
    again = run.reconstruct(shown.originals)
    assert np.abs(shown.reconstructions - again * 255).max() <= 0.51


def test_who_goes_on_keeps_what_was_recorded(small: Small, copied: Copy) -> None:
    """Whatever weights the model has by then: those of the checkpoint come later."""
    folder, config = copied(), small(epochs=5)
    before = read(folder)
    material = load_material(config, lambda sentence: None)
    model = build_model(config, material.padded)
    with Watch(folder, config, model, material, after=2) as seen:
        np.testing.assert_array_equal(read(folder).epochs, [0, 1, 2])
        np.testing.assert_array_equal(read(folder).means, before.means[:3])
        seen.epoch(3)
    assert read(folder).epochs.tolist() == [0, 1, 2, 3]


def test_vectors_have_means_and_no_pictures(small: Small, store: Path) -> None:
    run = train(small(dataset="moons", likelihood="gaussian", epochs=1), store=store)
    assert read(run.record.folder).means.shape == (2, 200, 2)
    assert read_shown(run.record.folder) is None


def test_recording_changes_no_bit_of_the_weights(small: Small, trained: Trained) -> None:
    config = small()
    cpu = torch.device("cpu")
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    model = build_model(config, (1, 8, 8), classes=10)
    seen, held = load_images(config, "train"), load_images(config, "validation")
    watched = HeldOut("validation", *split_tensors(held, config, device=cpu))
    labels = split_labels(seen, config, device=cpu)
    for _ in epochs(model, pixel_tensor(seen.pixels, config, cpu), config, labels=labels, held_out=watched):
        pass
    alone = {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
    assert weights_of(trained()) == alone


def test_what_cannot_be_recorded_ends_no_training(
    small: Small, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: ProbeWriter, epoch: int, means: np.ndarray) -> None:
        raise CheckpointError("The disk is full: free some space.")

    monkeypatch.setattr(ProbeWriter, "add", full)
    run = train(small(), store=store)
    assert run.state == "finished"
    assert len(read(run.record.folder).epochs) == 0


def test_the_reader_loads_no_torch(trained: Trained, repo: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom core.training.probe import read_probe, read_shown\n"
        "print(read_probe(Path(sys.argv[1])).means.shape, read_shown(Path(sys.argv[1])).epoch, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(trained().record.folder)],
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "(4, 144, 2) 3 False", done.stderr


# ---- which images


def test_two_thousand_are_chosen_by_the_seed() -> None:
    chosen = choose(10_000, seed=3)
    assert len(set(chosen.tolist())) == 2000
    assert 0 <= chosen.min() <= chosen.max() < 10_000
    np.testing.assert_array_equal(chosen, choose(10_000, seed=3))
    assert set(chosen.tolist()) != set(choose(10_000, seed=4).tolist())
    assert sorted(choose(144, seed=0).tolist()) == list(range(144))


# ---- the file


def test_rows_come_back_as_they_were_added(store: Path) -> None:
    add(writer(store), 0, 1, 2)
    found = read(store)
    assert found.epochs.tolist() == [0, 1, 2]
    for row, epoch in zip(found.means, (0, 1, 2), strict=True):
        np.testing.assert_array_equal(row, means(epoch))


@pytest.mark.parametrize("cut", [1, 4, 40, 67])
def test_a_torn_tail_is_left_out_and_written_over(cut: int, store: Path) -> None:
    add(writer(store), 0, 1, 2)
    size = (store / MEANS).stat().st_size
    os.truncate(store / MEANS, size - cut)
    assert read(store).epochs.tolist() == [0, 1]
    again = writer(store, after=2)  # goes on after epoch 2, whose row was lost
    add(again, 3)
    found = read(store)
    assert found.epochs.tolist() == [0, 1, 3]
    np.testing.assert_array_equal(found.means[2], means(3))


def test_a_tail_of_zeros_is_left_out(store: Path) -> None:
    """What a power cut may leave: the file's length is on disk, its content is not."""
    add(writer(store), 0, 1)
    size = (store / MEANS).stat().st_size
    with (store / MEANS).open("r+b") as file:
        file.seek(size - 30)
        file.write(bytes(30))
        file.write(bytes(size))
    assert read(store).epochs.tolist() == [0]


def test_who_goes_on_cuts_off_what_came_after(store: Path) -> None:
    add(writer(store), 0, 1, 2, 3)
    add(writer(store, after=1), 2)
    assert read(store).epochs.tolist() == [0, 1, 2]
    add(writer(store, after=0), 1)  # stopped in its first epoch
    assert read(store).epochs.tolist() == [0, 1]
    add(writer(store), 0)  # a new run
    assert read(store).epochs.tolist() == [0]


def test_another_probe_set_begins_anew(store: Path) -> None:
    add(writer(store), 0, 1)
    other = ProbeWriter(store, images(4), latent=3, report_every=1, after=1)
    other.add(2, means(2)[:4])
    assert read(store).epochs.tolist() == [2]
    assert read(store).means.shape == (1, 4, 3)


@pytest.mark.parametrize("report_every", [1, 4])
def test_ten_thousand_epochs_are_thinned(report_every: int, store: Path) -> None:
    to = writer(store, report_every=report_every)
    add(to, 0)
    for epoch in range(report_every, 10_001, report_every):
        to.add(epoch, means(epoch % 50))
        assert len(to.epochs) <= 500
    found = read(store)
    assert found.epochs[[0, -1]].tolist() == [0, 10_000]  # the first, and always the newest
    assert len(found.epochs) > 200
    steps = set(np.diff(found.epochs[:-1]).tolist())
    assert len(steps) == 1  # even steps
    for row, epoch in zip(found.means[1:], found.epochs[1:].tolist(), strict=True):
        np.testing.assert_array_equal(row, means(epoch % 50))
    # whoever goes on keeps the stride
    again = writer(store, report_every=report_every, after=10_000)
    add(again, 10_000 + report_every, 10_000 + 2 * report_every)
    assert len(again.epochs) <= len(found.epochs) + 1
    assert set(np.diff(read(store).epochs[:-1]).tolist()) == steps


def test_wide_latents_have_fewer_rows() -> None:
    assert most_rows(2000 * 2) == 500
    assert most_rows(2000 * 64) == 131  # 64 MiB
    assert most_rows(2000 * 1024) == 16


def test_a_disk_that_is_full_leaves_what_was_there(store: Path) -> None:
    """A limit on the size of files stands in for the full disk: a write then ends in the middle, or is refused."""
    add(writer(store), 0, 1)
    size = (store / MEANS).stat().st_size
    script = f"""
import resource, signal, sys
from pathlib import Path
from tests.core.test_probe import add, writer, CheckpointError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
to = writer(Path(sys.argv[1]), after=1)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size} + 20, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        add(to, 2)
        raise SystemExit("it was written")
    except CheckpointError as error:
        print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
add(to, 3)
"""
    repo = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(store)], cwd=repo, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("could not be written") == 2
    assert read(store).epochs.tolist() == [0, 1, 3]


def test_there_may_be_none(store: Path) -> None:
    assert read_probe(store) is None
    assert read_shown(store) is None


@pytest.mark.parametrize("text", ["{}", "[]", '{"ids": [1], "labels": [1, 2]}', '{"ids": "x"}'])
def test_a_damaged_document_is_one_sentence(text: str, store: Path) -> None:
    add(writer(store), 0)
    (store / DOCUMENT).write_text(text)
    with pytest.raises(CheckpointError, match=DOCUMENT):
        read_probe(store)


def test_damaged_pictures_are_one_sentence(store: Path) -> None:
    (store / SHOWN).write_bytes(b"no archive")
    with pytest.raises(CheckpointError, match="damaged"):
        read_shown(store)
    np.savez(store / SHOWN, epoch=1, ids=np.zeros(2), originals=np.zeros(3), reconstructions=np.zeros(3))
    with pytest.raises(CheckpointError, match="damaged"):
        read_shown(store)
