"""npz of images and tables of vectors: what is stored, and what is refused in one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.data import own
from core.errors import DataError
from tests.core.data.own.conftest import Adds, values_of


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (9, 4, 5)).astype(np.uint8)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def as_sorted(values: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for image in values)


def test_images_with_labels(adds: Adds, tmp_path: Path, images: np.ndarray) -> None:
    labels = np.array([2, 0, 1, 2, 0, 1, -1, 0, 1])
    one = adds(npz(tmp_path / "a.npz", images=images, labels=labels))
    assert one.document is not None
    assert (one.document.class_names, one.document.unlabelled) == (("0", "1", "2"), 1)
    values, named = values_of(one)
    truth = {
        image.tobytes(): None if label < 0 else str(label)
        for image, label in zip(images, labels, strict=True)
    }
    assert {value.tobytes(): name for value, name in zip(values, named, strict=True)} == truth


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[..., None],
        lambda x: x[:, None],
        lambda x: np.repeat(x[..., None], 3, axis=3),
        lambda x: np.repeat(x[:, None], 3, axis=1),
        lambda x: x / 255,
        lambda x: x.astype(np.float32),
        lambda x: x.astype(np.int64),
        lambda x: x.astype(np.uint16) * 257,
    ],
    ids=["NHW1", "N1HW", "grey NHW3", "grey N3HW", "0 to 1", "0 to 255", "int64", "16 bits"],
)
def test_shapes_and_types_of_the_same_images(
    adds: Adds, tmp_path: Path, images: np.ndarray, change: Any
) -> None:
    values, _ = values_of(adds(npz(tmp_path / "a.npz", x=change(images))))
    assert values.shape == (9, 1, 4, 5)
    assert as_sorted(values) == as_sorted(images)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8])
def test_binary_images_are_black_and_white(
    adds: Adds, tmp_path: Path, images: np.ndarray, kind: type
) -> None:
    values, _ = values_of(adds(npz(tmp_path / "a.npz", imgs=(images > 128).astype(kind))))
    assert as_sorted(values) == as_sorted(np.where(images > 128, np.uint8(255), np.uint8(0)))


def test_colour_and_names_and_splits(adds: Adds, tmp_path: Path) -> None:
    x = np.random.default_rng(2).integers(0, 256, (6, 4, 4, 3)).astype(np.uint8)
    path = npz(
        tmp_path / "a.npz",
        x_train=x[:4],
        y_train=np.array([[0], [1], [0], [1]]),
        x_test=x[4:],
        y_test=np.array([[1], [0]]),
        class_names=np.array(["no", "yes"]),
    )
    one = adds(path)
    assert one.document is not None
    assert (one.document.train, one.document.test, one.document.own_split) == (4, 2, True)
    values, named = values_of(one)
    assert np.array_equal(values, x.transpose(0, 3, 1, 2))
    assert named == ["no", "yes", "no", "yes", "yes", "no"]


def test_labels_that_are_text(adds: Adds, tmp_path: Path, images: np.ndarray) -> None:
    labels = np.array(["<i>", "=1", "b"] * 3)
    one = adds(npz(tmp_path / "a.npz", images=images, labels=labels))
    assert one.document is not None
    assert set(one.document.class_names) == {"<i>", "=1", "b"}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "object array": ({"images": np.array([{}, []], object)}, "holds Python objects, which are never loaded"),
    "object labels": ({"images": np.zeros((2, 2, 2)), "labels": np.array([None, 1])}, "holds Python objects"),
    "no images": ({"other": np.zeros((2, 2, 2))}, "holds no array of images .its arrays: other."),
    "NaN": ({"images": np.array([[[0.0]], [[np.nan]]])}, "holds NaN or infinity, first in row 1"),
    "infinity": ({"images": np.array([[[np.inf]], [[0.0]]])}, "holds NaN or infinity, first in row 0"),
    "negative": ({"images": np.array([[[0.0]], [[-1.0]]])}, "holds -1, which is no pixel"),
    "too large": ({"images": np.array([[[0.0]], [[300.0]]])}, "holds 300, which is no pixel"),
    "channels": ({"images": np.zeros((2, 4, 4, 2))}, "1 or 3 channels are understood"),
    "one axis": ({"images": np.zeros(4)}, "of shape .4,.: give numbers of shape"),
    "complex": ({"images": np.zeros((2, 2, 2), complex)}, "is complex128 of shape"),
    "label count": (
        {"images": np.zeros((2, 2, 2)), "labels": np.zeros(3, int)},
        "give 2 whole numbers or texts",
    ),
    "float labels": ({"images": np.zeros((2, 2, 2)), "labels": np.zeros(2)}, "give 2 whole numbers or texts"),
    "columns": ({"images": np.asfortranarray(np.zeros((2, 3, 3)))}, "is stored column by column"),
    "overflow": ({"images": np.array([[1e39, 0.0], [0.0, 1.0]])}, "holds NaN or infinity, first in row 0"),
    "unequal vectors": (
        {"x_train": np.zeros((4, 3)), "x_test": np.zeros((2, 2))},
        "have unequal shapes",
    ),
    "no height": ({"images": np.zeros((4, 1, 32), np.uint8)}, "which is no image: give vectors"),
    "class twice": (
        {"images": np.zeros((2, 2, 2)), "class_names": np.array(["a", "a"])},
        "holds a name twice",
    ),
    "one image": (
        {"images": np.zeros((1, 2, 2))},
        "1 of 1 items can be used, and a data set has at least two",
    ),
}


@pytest.mark.parametrize(("arrays", "said"), BAD.values(), ids=BAD.keys())
def test_bad_arrays_are_refused_whole(
    adds: Adds, home: Path, tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        adds(npz(tmp_path / "bad.npz", **arrays))
    assert "\n" not in str(caught.value)
    assert not list(home.glob("own-*"))


def test_damaged_archives_and_bombs(adds: Adds, home: Path, tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DataError, match="cannot be read as an npz"):
        adds(tmp_path / "text.npz")
    bomb = npz(tmp_path / "bomb.npz", images=np.zeros((4096, 32, 32), np.uint8))
    assert bomb.stat().st_size < 20_000  # of 4 MiB
    with pytest.raises(DataError, match=r"unpacks to 4 MiB, more than the limit of 1: set it higher .table="):
        adds(bomb, limits={"table": 1})
    whole = npz(
        tmp_path / "cut.npz", images=np.random.default_rng(0).integers(0, 255, (99, 20, 20)).astype(np.uint8)
    )
    payload = bytearray(whole.read_bytes())
    payload[9_000:9_400] = bytes(400)
    whole.write_bytes(payload)
    with pytest.raises(DataError, match="Array 'images' is damaged"):
        adds(whole)
    assert not list(home.glob("own-*"))


def test_floats_a_little_above_one_are_cut_there(adds: Adds, tmp_path: Path) -> None:
    values, _ = values_of(
        adds(npz(tmp_path / "a.npz", images=np.array([[[0.0, 0.5]] * 2, [[1.0, 1.01]] * 2])))
    )
    assert sorted(values[:, 0, 0].tolist()) == [[0, 128], [255, 255]]


def test_labels_of_a_csv_stay_as_they_are_typed(adds: Adds, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,kind\n1,007\n2,7\n3,NA\n4,\n5,True\n6,true\n")
    one = adds(tmp_path / "t.csv", label="kind")
    assert one.document is not None
    assert set(one.document.class_names) == {"007", "7", "NA", "True", "true"}
    assert one.document.unlabelled == 1


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_row_numbers_that_pandas_writes_are_left_out(adds: Adds, tmp_path: Path, suffix: str) -> None:
    index = None if suffix == ".csv" else ["u", "v", "w"]
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 7.0]}, index=index)
    path = tmp_path / f"t{suffix}"
    frame.to_csv(path) if suffix == ".csv" else frame.to_parquet(path)
    one = adds(path)
    assert one.document is not None
    assert (one.document.columns, one.document.left_out_count) == (("a", "b"), 1)
    assert "row numbers" in own.left_out(one)[0][1]


def test_columns_named_by_numbers_and_an_index_with_a_name(adds: Adds, tmp_path: Path) -> None:
    frame = pd.DataFrame(np.arange(6.0).reshape(3, 2))
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.rename(columns=str).set_index("0").to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        one = adds(tmp_path / name, name=name.replace(".", "-"))
        assert one.document is not None
        assert sorted(one.document.columns) == ["0", "1"]


def test_dates_are_no_numbers(adds: Adds, tmp_path: Path) -> None:
    days = pd.to_datetime(["2026-01-01", "2026-01-02"])
    pd.DataFrame({"x": [1.0, 2.0], "when": days}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"Column 'when' .* holds timestamp.* and no numbers"):
        adds(tmp_path / "t.parquet")


POINTS = pd.DataFrame({"x": [0.5, -1.5, 2e5, 3.0], "kind": ["a", "=b", "a", None], "y": [1, 2, 3, 4]})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_vectors_of_a_table(adds: Adds, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"points{suffix}"
    POINTS.to_csv(path, index=False) if suffix == ".csv" else POINTS.to_parquet(path)
    one = adds(path, label="kind")
    assert one.document is not None
    assert (one.document.kind, one.document.shape) == ("vector", (1, 1, 2))
    assert (one.document.class_names, one.document.unlabelled) == (("=b", "a"), 1)
    values, named = values_of(one)
    assert values.dtype == np.float32
    # each column by its range: x from -1.5 to 2e5, y from 1 to 4
    assert one.document.columns == ("x", "y")
    assert (one.document.low, one.document.high) == ((-1.5, 1.0), (2e5, 4.0))
    truth = {
        (x, y): label
        for x, y, label in zip(
            np.float32((POINTS["x"] + 1.5) / (2e5 + 1.5)),
            np.float32((POINTS["y"] - 1) / 3),
            ("a", "=b", "a", None),
            strict=True,
        )
    }
    assert dict(zip(map(tuple, values[:, 0, 0]), named, strict=True)) == truth
    assert (values.min(), values.max()) == (0, 1)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n3,\n", {}, "Row 2 has '' in column 'b', where a finite number belongs"),
        ("a,b\n1,2\n3,inf\n", {}, "Row 2 has inf in column 'b'"),
        ("a,b\n1,2\n3,cat\n", {}, "Row 2 has 'cat' in column 'b', .* name the column of the labels"),
        ("a,b\n1,2\n", {"label": "c"}, "has no column 'c': choose from a, b"),
        ("a\n1\n2\n", {"label": "a"}, "holds no numbers"),
        ("a,b\n", {}, "holds no rows"),
        ("", {}, "cannot be read as a table"),
        ("a,b\n1,2\n3,4,5,6\n", {}, "cannot be read as a table"),
        ("a,b\n1,2,3\n", {}, "cannot be read as a table"),
        ("0.1,0.2\n0.3,0.4\n", {}, "holds numbers and no names: give it a header"),
        (
            "a,b\n1,2\n3," + "7" * 400 + "\n",
            {},
            "Row 2 has 7777.* in column 'b', more than a 32-bit float can",
        ),
        (
            "a,b\n1,2\n3," + "7" * 5000 + "\n",
            {},
            "Row 2 has '7777.* in column 'b', more than a 32-bit float can",
        ),
        ("a,b\n1,2\n3,-1e300\n", {}, r"Row 2 has -1e\+300 in column 'b', more than a 32-bit float can hold"),
        ("a,b\n1,2\n3," + "7" * 400 + "\n4,cat\n", {}, "Row 2 has '7777.* more than a 32-bit float can hold"),
        ("a,b,a\n1,2,3\n", {}, "has two columns of one name, 'a'"),
        ("a,b, a\n1,2,3\n", {}, "has two columns of one name, 'a'"),
        ("a;b\n1,5;2\n1.234,5;3\n", {}, r"Row 2 has '1\.234,5' in column 'a', where a finite number"),
        ("a;b\n1,5;2.5\n1,5;3\n", {}, r"Row 1 has '2\.5' in column 'b', where a finite number"),
        ("a,b\n1,2,\n3,4,5\n", {}, "rows have a field more than the header"),
        ("a,b\n1,\xe9\n", {}, "is no UTF-8: save it as UTF-8"),
    ],
    ids=[
        "missing",
        "infinite",
        "text",
        "no label",
        "label alone",
        "no rows",
        "empty",
        "ragged",
        "too many",
        "no header",
        "400 digits",
        "5000 digits",
        "no float32",
        "400 digits among text",
        "a name twice",
        "a name twice but for a blank",
        "thousands",
        "points and commas",
        "a field more",
        "latin-1",
    ],
)
def test_bad_tables_are_refused_whole(
    adds: Adds, home: Path, tmp_path: Path, text: str, options: dict[str, str], said: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=said):
        adds(tmp_path / "bad.csv", **options)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="cannot be read as a table"):
        adds(tmp_path / "bad.parquet")
    assert not list(home.glob("own-*"))


FORMS = {
    "blanks": ("x, y , kind\n0.5, 1,a\n-1.5,2,b\n", ""),
    "quotes": ('"x", "y","kind"\n0.5, 1,"a"\n-1.5,"2",b\n', ""),
    "commas at the end": ("x,y,kind\n0.5,1,a,\n-1.5,2,b,\n", ""),
    "semicolons": ("x;y;kind\n0.5;1;a\n-1.5;2;b\n", ", separated by semicolons"),
    "decimal commas": (
        "\ufeffx;y;kind\r\n0,5;1;a\r\n-1,5;2;b\r\n",
        ", separated by semicolons, with decimal commas",
    ),
    "tabs": ('x\ty\t"kind"\n0.5\t1\ta\n-1.5\t2\tb\n', ", separated by tabs"),
}


@pytest.mark.parametrize(("text", "what"), FORMS.values(), ids=FORMS.keys())
def test_forms_of_a_csv(adds: Adds, tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "t.csv").write_bytes(text.encode())
    one = adds(tmp_path / "t.csv", label="kind ")
    assert one.document is not None
    assert one.document.columns == ("x", "y")
    assert (one.document.low, one.document.high) == ((-1.5, 1.0), (0.5, 2.0))
    assert one.document.class_names == ("a", "b")
    assert (one.document.what, one.document.left_out_count) == (f"CSV file of 2 columns{what}", 0)


def test_decimal_commas_far_down_and_in_labels(adds: Adds, tmp_path: Path) -> None:
    rows = "".join(f"{k};a\n" for k in range(70_000))
    (tmp_path / "t.csv").write_text(f"x;kind\n{rows}0,5;b\n")
    one = adds(tmp_path / "t.csv", label="kind")
    assert one.document is not None
    assert (one.document.low, one.document.high) == ((0.0,), (69_999.0,))
    assert one.document.what.endswith("with decimal commas")
    (tmp_path / "u.csv").write_text("x;kind\n0.5;1,5\n1.5;2,5\n")
    one = adds(tmp_path / "u.csv", name="points", label="kind")
    assert one.document is not None
    assert (one.document.class_names, one.document.high) == (("1,5", "2,5"), (1.5,))


def test_names_of_parquet_are_stripped_too(adds: Adds, tmp_path: Path) -> None:
    pd.DataFrame({" x": [1.0, 2.0], "kind ": ["a", "b"]}).to_parquet(tmp_path / "t.parquet")
    one = adds(tmp_path / "t.parquet", label="kind")
    assert one.document is not None
    assert (one.document.columns, one.document.class_names) == (("x",), ("a", "b"))


def test_row_numbers_that_pandas_wrote_twice_are_left_out(adds: Adds, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": [1.0, 2.0]}).to_csv(path)
    pd.read_csv(path).to_csv(path)
    one = adds(path)
    assert one.document is not None
    assert (one.document.columns, one.document.left_out_count) == (("a",), 2)


def test_limits_are_settings(adds: Adds, tmp_path: Path, images: np.ndarray) -> None:
    path = npz(tmp_path / "a.npz", images=images, labels=np.arange(9))
    for limits, said in (
        ({"items": 8}, "more than 8 images"),
        ({"classes": 8}, "more than 8 classes, with '8': set the limit higher .classes="),
    ):
        with pytest.raises(DataError, match=said):
            adds(path, limits=limits)
    many = npz(tmp_path / "b.npz", images=np.zeros((256, 2, 2)), labels=np.arange(256))
    with pytest.raises(
        DataError, match="more than 255 classes, with '255': no more can be told apart on a map"
    ):
        adds(many)
    (tmp_path / "wide.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    with pytest.raises(DataError, match="has 3 columns, more than the limit of 2"):
        adds(tmp_path / "wide.csv", limits={"columns": 2})
