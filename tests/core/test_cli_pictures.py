"""`traverse` and `interpolate`: the pictures they write, pixel by pixel, and what they refuse."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

import core
from core.cli import main
from core.generation import path, traversal

EIGHT, TWO, AE = "bundled-digits-8d", "bundled-digits-beta-1", "bundled-digits-ae"
FASHION = "bundled-fashion-weight-500"


def grey(picture: Image.Image) -> np.ndarray:
    return np.array(picture.convert("L"))


def as_bytes(images: np.ndarray, scale: int = 8) -> np.ndarray:
    """Decoded images (N, 1, H, W) as the pixels of their pictures."""
    return np.rint(images[:, 0] * 255).astype(np.uint8).repeat(scale, 1).repeat(scale, 2)


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    return capsys.readouterr()


def test_a_traversal_is_written_most_informative_dimension_first(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "traversal.png"
    assert main(["traverse", EIGHT, "--out", str(out), "--steps", "5", "--dimensions", "3"]) == 0
    run = core.open_run(EIGHT)
    assert run.scores is not None
    rates = run.scores["test"]["rate_per_dimension"]
    order = sorted(range(8), key=lambda k: -rates[k])[:3]
    sheet = grey(Image.open(out))
    assert sheet.shape == (3 * 66 - 2, 5 * 66 - 2)
    for row, dimension in enumerate(order):
        z = traversal(5, latent=8, dimensions=[dimension])[0]
        for column, tile in enumerate(as_bytes(run.decode(z))):
            cell = sheet[row * 66 : row * 66 + 64, column * 66 : column * 66 + 64]
            np.testing.assert_allclose(cell.astype(int), tile.astype(int), atol=1)
    lines = said(capsys)[0].splitlines()
    assert lines[0].startswith("3 rows of 5 images from the origin")
    assert [line.split()[1] for line in lines[3:]] == [str(k + 1) for k in order]
    assert [float(line.split()[2]) for line in lines[3:]] == pytest.approx(
        [rates[k] for k in order], rel=1e-4
    )


def test_a_traversal_starts_from_an_image(bundled_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "from.png"
    run = core.open_run(EIGHT)
    test = run.images("test")
    row = int(test.ids[7])
    words = ["traverse", EIGHT, "--row", str(row), "--out", str(out), "--steps", "3", "--dimensions", "1"]
    assert main([*words, "--scale", "1"]) == 0
    assert run.scores is not None
    best = int(np.argmax(run.scores["test"]["rate_per_dimension"]))
    base = run.encode(test.pixels[7:8])[0][0]
    tiles = as_bytes(run.decode(traversal(3, latent=8, dimensions=[best], base=base)[0]), scale=1)
    sheet = grey(Image.open(out))
    for k in range(3):
        np.testing.assert_allclose(sheet[:, k * 10 : k * 10 + 8].astype(int), tiles[k].astype(int), atol=1)


def test_codes_are_traversed_in_their_own_units(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "codes.png"
    assert main(["traverse", AE, "--out", str(out), "--steps", "3", "--scale", "1"]) == 0
    run = core.open_run(AE)
    codes = run.latents("test").means.astype(np.float64)
    first = int(np.argmax(codes.var(0)))
    z = traversal(3, latent=2, dimensions=[first], centre=codes.mean(0), spread=codes.std(0))[0]
    np.testing.assert_allclose(z[1], codes.mean(0), rtol=1e-4)
    sheet = grey(Image.open(out))
    for k, tile in enumerate(as_bytes(run.decode(z), scale=1)):
        np.testing.assert_allclose(sheet[:8, k * 10 : k * 10 + 8].astype(int), tile.astype(int), atol=1)
    text = said(capsys)[0]
    assert "from the average code" in text
    assert "variance" in text


def test_a_traversal_from_the_origin_needs_no_data(
    bundled_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VAESCOPE_DATA", str(tmp_path / "nothing"))
    out = tmp_path / "fashion.png"
    assert main(["traverse", FASHION, "--out", str(out), "--steps", "3"]) == 0
    assert Image.open(out).size == (3 * 58 - 2, 2 * 58 - 2)  # 28 pixels, twice as large
    assert main(["traverse", FASHION, "--row", "1", "--out", str(tmp_path / "no.png")]) == 1
    assert "data fetch fashion-mnist" in said(capsys)[1]
    assert not (tmp_path / "no.png").exists()


@pytest.mark.parametrize("spherical", [False, True])
def test_a_film_passes_the_images(bundled_store: Path, tmp_path: Path, spherical: bool) -> None:
    run = core.open_run(EIGHT)
    test = run.images("test")
    chosen = [30, 2, 11]
    rows = ",".join(str(test.ids[k]) for k in chosen)
    z = path(run.encode(test.pixels[chosen])[0], steps=4, spherical=spherical)
    tiles = as_bytes(run.decode(z))
    words = ["interpolate", EIGHT, "--rows", rows, "--steps", "4", *(["--spherical"] if spherical else [])]

    film = tmp_path / "film.gif"
    assert main([*words, "--out", str(film), "--milliseconds", "60"]) == 0
    opened = Image.open(film)
    assert opened.info["duration"] == 60
    frames = [grey(frame) for frame in ImageSequence.Iterator(opened)]
    assert len(frames) == 16  # 9 forth, 7 back
    for frame, tile in zip(frames, [*tiles, *tiles[-2:0:-1]], strict=True):
        np.testing.assert_allclose(frame.astype(int), tile.astype(int), atol=1)

    strip = tmp_path / "strip.PNG"
    assert main([*words, "--out", str(strip)]) == 0
    sheet = grey(Image.open(strip))
    assert sheet.shape == (2 * 66 - 2, 5 * 66 - 2)
    for r in range(2):
        for c in range(5):
            cell = sheet[r * 66 : r * 66 + 64, c * 66 : c * 66 + 64]
            np.testing.assert_allclose(cell.astype(int), tiles[r * 4 + c].astype(int), atol=1)


@pytest.mark.parametrize(
    "command",
    [
        ["arithmetic", "--rows"],
        ["traverse", "--dimensions", "2", "--row"],
        ["interpolate", "--spherical", "--rows"],
    ],
)
def test_decoded_codes_that_no_image_has_are_said_to_be_so(
    command: list[str], bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, plain = core.open_run("bundled-digits-cae"), core.open_run("bundled-digits-ae-32d")
    ids = run.images("test").ids[[0, 1, 2]].tolist()
    rows = str(ids[0]) if command[0] == "traverse" else ",".join(map(str, ids))
    for one in (run, plain):
        words = [command[0], one.id, *command[1:], rows, "--out", str(tmp_path / f"{one.id}.png")]
        assert main(words) == 0
        told = "The encoder never gives such a code" in said(capsys)[0]
        assert told == (one is run)
    if command[0] == "arithmetic":
        a, b, c = run.encode(run.images("test").pixels[:3])[0].astype(np.float64)
        assert min((a - b + c).min(), 1 - (a - b + c).max()) < 0  # the truth of it


def test_arithmetic_decodes_three_images_and_what_they_make(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = core.open_run(EIGHT)
    test = run.images("test")
    chosen = [5, 40, 200]
    a, b, c = run.encode(test.pixels[chosen])[0].astype(np.float64)
    tiles = as_bytes(run.decode(np.stack([a, b, c, a - b + c]).astype(np.float32)))
    out = tmp_path / "sum.png"
    rows = ",".join(str(test.ids[k]) for k in chosen)
    assert main(["arithmetic", EIGHT, "--rows", rows, "--out", str(out)]) == 0
    sheet = grey(Image.open(out))
    assert sheet.shape == (64, 4 * 66 - 2)
    for k, tile in enumerate(tiles):
        np.testing.assert_allclose(sheet[:, k * 66 : k * 66 + 64].astype(int), tile.astype(int), atol=1)
    first, second = said(capsys)[0].splitlines()
    assert first.startswith(
        f"test images {', '.join(rows.split(',')[:2])} and {rows.split(',')[2]} as a, b and c"
    )
    found = [float(one) for one in second.removeprefix("a - b + c stands at ").rstrip(".").split(", ")]
    assert found == pytest.approx(a - b + c, abs=6e-4)
    # a - b + b is a
    same = ",".join(str(test.ids[k]) for k in (5, 40, 40))
    assert main(["arithmetic", EIGHT, "--rows", same, "--out", str(out), "--force"]) == 0
    sheet = grey(Image.open(out))
    np.testing.assert_allclose(sheet[:, :64].astype(int), sheet[:, -64:].astype(int), atol=1)


@pytest.mark.parametrize(
    "words, code, sentence",
    [
        (("traverse", TWO, "--out", "film.gif"), 2, "does not end in .png"),
        (("interpolate", TWO, "--rows", "21,24", "--out", "film.jpg"), 2, "does not end in .gif or .png"),
        (("traverse", TWO, "--out", "nowhere/a.png"), 2, "There is no folder 'nowhere'"),
        (("traverse", TWO, "--out", "taken.png"), 2, "add --force"),
        (("traverse", TWO, "--out", "folder.png", "--force"), 2, "is there already"),
        (("interpolate", TWO, "--rows", "21", "--out", "a.gif"), 2, "--rows cannot be '21'"),
        (("interpolate", TWO, "--rows", "21,-4", "--out", "a.gif"), 2, "--rows cannot be"),
        (("interpolate", TWO, "--rows", "21,a", "--out", "a.gif"), 2, "such as 3,17,40"),
        (
            ("interpolate", TWO, "--rows", "21,22", "--out", "a.gif"),
            1,
            "have no row 22: their rows are 21, 24, 28",
        ),
        (("traverse", TWO, "--row", "99999999999999999999999", "--out", "a.png"), 1, "have no row 99999"),
        (("arithmetic", TWO, "--rows", "21,24", "--out", "a.png"), 2, "of three images, not 2"),
        (
            ("interpolate", TWO, "--rows", "21,24", "--out", "a.gif", "--milliseconds", "5"),
            2,
            "from 20 to 60000",
        ),
        (("traverse", TWO, "--out", "a.png", "--steps", "0"), 2, "whole number from 1"),
        (("traverse", "no-such-run", "--out", "a.png"), 1, "no-such-run"),
    ],
)
def test_what_is_refused_writes_nothing(
    bundled_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken.png").write_bytes(b"mine")
    Path("folder.png").mkdir()
    before = sorted(one.name for one in tmp_path.iterdir())
    assert main(list(words)) == code
    out, err = said(capsys)
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert sorted(one.name for one in tmp_path.iterdir()) == before
    assert Path("taken.png").read_bytes() == b"mine"


def test_force_replaces_a_file(bundled_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    out.write_bytes(b"old")
    assert main(["traverse", TWO, "--out", str(out), "--force"]) == 0
    assert Image.open(io.BytesIO(out.read_bytes())).format == "PNG"


# ---- runs that are told the label

CVAE = "bundled-digits-cvae"


def _tiles(path: Path) -> np.ndarray:
    """Tiles of a sheet of 8 x 8 images at scale 1, (rows, columns, 8, 8), as integers."""
    sheet = grey(Image.open(path)).astype(int)
    rows, columns = (sheet.shape[0] + 2) // 10, (sheet.shape[1] + 2) // 10
    cells = [[sheet[r * 10 : r * 10 + 8, c * 10 : c * 10 + 8] for c in range(columns)] for r in range(rows)]
    return np.array(cells)


def _close(tiles: np.ndarray, images: np.ndarray) -> None:
    expected = np.rint(images * 255).astype(int).reshape(tiles.shape)
    np.testing.assert_allclose(tiles, expected, atol=1)


def test_samples_are_decoded_as_the_class_asked_for(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = core.open_run(CVAE), tmp_path / "threes.png"
    words = ["sample", CVAE, "--out", str(out), "--scale", "1", "--force", "--seed", "4"]
    assert main([*words, "--label", "3", "--count", "12"]) == 0
    tiles = _tiles(out)
    assert tiles.shape[:2] == (2, 10)
    _close(tiles.reshape(20, 8, 8)[:12], run.sample(12, 4, 3))
    assert (tiles[1, 2:] == 255).all()  # white where no sample is left
    assert "decoded as 3" in said(capsys)[0]


def test_without_a_class_the_same_z_is_decoded_as_every_class(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = core.open_run(CVAE), tmp_path / "all.png"
    assert main(["sample", CVAE, "--out", str(out), "--scale", "1", "--count", "3"]) == 0
    tiles = _tiles(out)
    assert tiles.shape[:2] == (3, 10)
    for label in range(10):
        _close(tiles[:, label], run.sample(3, 0, label))
    assert "one row a draw, one column a class (0, 1, 2" in said(capsys)[0]


def test_samples_of_a_run_that_is_told_nothing(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "some.png"
    assert main(["sample", TWO, "--out", str(out), "--scale", "1"]) == 0
    _close(_tiles(out)[0], core.open_run(TWO).sample(10, 0))
    for words, sentence in (
        (["sample", TWO, "--label", "3"], "is told no label: leave out --label"),
        (["sample", AE], "has no prior to sample from"),
        (["sample", CVAE, "--label", "ten"], "There is no label 'ten': choose one of 0, 1"),
        (["traverse", TWO, "--label", "3"], "is told no label"),
    ):
        assert main([*words, "--out", str(tmp_path / "no.png")]) != 0
        assert sentence in said(capsys)[1]
        assert not (tmp_path / "no.png").exists()


def test_images_are_edited_as_their_own_class_or_as_the_one_given(
    bundled_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = core.open_run(CVAE), tmp_path / "a.png"
    test = run.images("test")
    chosen = [5, 40, 200]
    rows = ",".join(str(test.ids[k]) for k in chosen)
    own = test.labels[chosen]
    assert len(set(own.tolist())) == 3
    means = run.encode(test.pixels[chosen], own)[0]
    more = ["--out", str(out), "--scale", "1", "--force"]
    assert main(["interpolate", CVAE, "--rows", rows, "--steps", "3", *more]) == 0
    _close(_tiles(out)[0], run.decode(path(means, steps=3)[:4], own[[0, 0, 1, 1]]))
    assert f"decoded as {own[0]}, {own[1]} and {own[2]}." in said(capsys)[0]
    assert main(["arithmetic", CVAE, "--rows", rows, *more]) == 0
    _close(_tiles(out)[0, 2:], run.decode(np.stack([means[2], means[0] - means[1] + means[2]]), own[2]))
    assert main(["traverse", CVAE, "--row", rows.split(",")[0], "--label", "7", "--steps", "3", *more]) == 0
    assert "decoded as 7." in said(capsys)[0]
    z = traversal(3, latent=2, dimensions=[0], base=means[0])
    order = np.argsort(-np.asarray(run.record.scores["test"]["rate_per_dimension"]))  # type: ignore[index]
    _close(_tiles(out)[int(np.flatnonzero(order == 0)[0])], run.decode(z[0], 7))
