"""Folders, zips and attribute tables of images: classes, splits, and what is left out."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.data import catalog, own
from core.errors import DataError
from tests.core.data.own.conftest import Adds, picture, values_of


def test_a_folder_per_class(adds: Adds, pets: Path) -> None:
    one = adds(pets)
    document = one.document
    assert document is not None
    assert (document.class_names, document.shape, document.kind) == (("cat", "dog"), (3, 6, 4), "image")
    assert (document.train, document.test, document.own_split) == (17, 3, False)  # 15 % of 20
    values, labels = values_of(one)
    colours = sorted((label, *image[:, 0, 0].tolist()) for label, image in zip(labels, values, strict=True))
    assert colours == [
        *(("cat", 10 + k, k, 3) for k in range(8)),
        *(("dog", 100 + k, k, 3) for k in range(12)),
    ]
    assert labels[17:].count("dog") == 2  # stratified: 3 of 20, two of them dogs
    train, test = catalog.load("mine", "train"), catalog.load("mine", "test")
    assert (train.shape, len(train), len(test)) == ((3, 6, 4), 17, 3)
    assert np.array_equal(train.pixels, values[:17])
    assert np.array_equal(test.pixels, values[17:])
    assert train.fingerprint == test.fingerprint == catalog.fingerprint("mine")
    assert catalog.names()[-1] == "mine"
    assert catalog.is_available("mine")


def test_classes_are_in_the_order_that_people_count(adds: Adds, tmp_path: Path) -> None:
    for name in ("10", "9", "2", "b", "A"):
        for k in range(2):
            picture(tmp_path / "many" / name / f"{k}.png", np.zeros((2, 2)))
    document = adds(tmp_path / "many").document
    assert document is not None
    assert document.class_names == ("2", "9", "10", "A", "b")
    assert document.shape == (1, 2, 2)  # grey, as its images are


def test_names_of_classes_are_text_and_nothing_else(adds: Adds, tmp_path: Path) -> None:
    names = ("<b>bold<", "=1+1", "[link](x)", "a" * 90)
    for name in names:
        for k in range(2):
            picture(tmp_path / "odd" / name / f"{k}.png", np.zeros((2, 2)))
    document = adds(tmp_path / "odd").document
    assert document is not None
    assert set(names[:3]) < set(document.class_names)
    (cut,) = set(document.class_names) - set(names[:3])
    assert cut.startswith("a" * 53 + " ~")
    assert len(cut) <= 60


def test_names_that_differ_stay_different(adds: Adds, tmp_path: Path) -> None:
    names = ("x" * 70 + "one", "x" * 70 + "two", "tail\u200b", "tail")
    for name in names:
        for k in range(2):
            picture(tmp_path / "near" / name / f"{k}.png", np.zeros((2, 2)))
    document = adds(tmp_path / "near").document
    assert document is not None
    assert len(document.class_names) == 4


def test_names_that_no_text_can_hold_are_told_in_part(adds: Adds, pets: Path) -> None:
    (pets / "cat" / "caf\udce9.txt").write_text("a name in Latin-1")
    (pets / "dog\udce9").mkdir()
    one = adds(pets)
    assert dict(own.left_out(one)) == {
        "cat/caf.txt": "is no PNG, JPEG, WEBP or BMP file",
        "dog": "is a folder without an image, so it is no class",
    }


def test_splits_of_the_source_are_kept(adds: Adds, tmp_path: Path) -> None:
    for split, value in (("train", 1), ("val", 2), ("Test", 3)):
        for label in ("x", "y"):
            picture(tmp_path / "sets" / split / label / "0.png", np.full((2, 2), value))
    one = adds(tmp_path / "sets")
    assert one.document is not None
    assert (one.document.train, one.document.test, one.document.own_split) == (4, 2, True)
    assert one.document.class_names == ("x", "y")
    values, _ = values_of(one)
    assert sorted(values[:4, 0, 0, 0].tolist()) == [1, 1, 2, 2]  # a run makes its own validation split
    assert values[4:, 0, 0, 0].tolist() == [3, 3]


@pytest.mark.parametrize("beside", ["cover.png", "extra/0.png", "extra/deep/0.png"])
@pytest.mark.parametrize("top", ["", "sets/"])
def test_splits_are_kept_and_what_lies_beside_them_is_left_out(
    adds: Adds, tmp_path: Path, beside: str, top: str
) -> None:
    for split in ("train", "test"):
        for label in ("x", "y"):
            picture(tmp_path / "sets" / split / label / "0.png", np.zeros((2, 2)))
    picture(tmp_path / "sets" / beside, np.zeros((2, 2)))
    one = adds(zipped(tmp_path / "sets", tmp_path / "sets.zip", top) if top else tmp_path / "sets")
    assert one.document is not None
    assert (one.document.train, one.document.test, one.document.own_split) == (2, 2, True)
    assert one.document.class_names == ("x", "y")
    assert own.left_out(one) == ((top + beside, "lies beside the splits test, train, and so is in none"),)


def test_one_folder_named_like_a_split_among_others_is_a_class(adds: Adds, tmp_path: Path) -> None:
    for label in ("train", "bus"):
        picture(tmp_path / "traffic" / label / "0.png", np.zeros((2, 2)))
    document = adds(tmp_path / "traffic").document
    assert document is not None
    assert (document.class_names, document.own_split) == (("bus", "train"), False)


def test_images_without_labels(adds: Adds, tmp_path: Path) -> None:
    for k in range(5):
        picture(tmp_path / "flat" / f"{k}.png", np.full((3, 3), k))
    one = adds(tmp_path / "flat")
    assert one.document is not None
    assert (one.document.class_names, one.document.unlabelled) == ((), 5)
    assert catalog.load("mine", "train").labels.tolist() == [-1] * 4


def test_what_is_left_out_is_told(adds: Adds, pets: Path, tmp_path: Path) -> None:
    secret = picture(tmp_path / "elsewhere" / "secret.png", np.full((6, 4, 3), 77))
    (pets / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (pets / "cat" / "notes.md").write_text("nothing")
    os.symlink(secret, pets / "cat" / "link.png")
    os.symlink(secret.parent, pets / "linked")
    (pets / "bird").mkdir()
    (pets / ".hidden").mkdir()
    picture(pets / ".hidden" / "0.png", np.zeros((6, 4)))
    picture(pets / "cat" / ".hidden.png", np.zeros((6, 4)))
    (pets / "cat" / "._0.png").write_bytes(b"what macOS writes")
    (pets / "cat" / ".DS_Store").write_bytes(b"what macOS writes")
    os.mkfifo(pets / "cat" / "fifo.png")
    one = adds(pets)
    assert one.document is not None
    assert dict(own.left_out(one)) == {
        "cat/broken.png": "is no PNG, JPEG, WEBP or BMP image",
        "cat/notes.md": "is no PNG, JPEG, WEBP or BMP file",
        "cat/link.png": "is a link, and links are not followed",
        "linked": "is a link, and links are not followed",
        "bird": "is a folder without an image, so it is no class",
        ".hidden": "is hidden: its name begins with a dot",
        "cat/.hidden.png": "is hidden: its name begins with a dot",
        "cat/fifo.png": "is no plain file",
    }
    assert one.document.left_out_count == 8
    assert one.document.class_names == ("cat", "dog")
    values, _ = values_of(one)
    assert len(values) == 20
    assert not (values == 77).any()


def test_a_file_that_becomes_a_link_is_not_followed(pets: Path, tmp_path: Path) -> None:
    from core.data.own.folders import open_folder

    source = open_folder(pets, "pets", own.Options(), own.Limits())
    secret = picture(tmp_path / "secret.png", np.zeros((6, 4)))
    (pets / "cat" / "0.png").unlink()
    os.symlink(secret, pets / "cat" / "0.png")
    assert next(source.items(0)).wrong == "is a link, and links are not followed"


def zipped(folder: Path, archive: Path, top: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, top + str(path.relative_to(folder)))
    return archive


@pytest.mark.parametrize("top", ["", "pets/", "a/b/"])
def test_a_zip_is_the_folder_that_it_holds(adds: Adds, pets: Path, tmp_path: Path, top: str) -> None:
    from_zip = adds(zipped(pets, tmp_path / "pets.zip", top), name="zipped")
    from_folder = adds(pets, name="folder")
    assert from_zip.document is not None
    assert from_folder.document is not None
    assert from_zip.document.class_names == ("cat", "dog")
    assert from_zip.document.fingerprint == from_folder.document.fingerprint


def test_a_zip_leads_nowhere_else(adds: Adds, pets: Path, tmp_path: Path) -> None:
    archive, payload = zipped(pets, tmp_path / "bad.zip"), (pets / "cat" / "0.png").read_bytes()
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("../out.png", payload)
        packed.writestr("/root.png", payload)
        packed.writestr("cat/../../up.png", payload)
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    before = sorted(tmp_path.rglob("*"))
    one = adds(archive)
    assert one.document is not None
    assert one.document.train + one.document.test == 20
    assert len(own.left_out(one)) == 4
    new = {path for path in set(tmp_path.rglob("*")) - set(before) if "data" not in path.parts}
    assert not new


@pytest.mark.parametrize("written", ["./{}/{}", "{}//{}", "{}\\{}", ".\\pets\\{}\\{}"])
def test_paths_of_a_zip_that_are_written_otherwise(
    adds: Adds, pets: Path, tmp_path: Path, written: str
) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as packed:
        for path in sorted(pets.rglob("*.png")):
            packed.writestr(written.format(path.parent.name, path.name), path.read_bytes())
    one, plain = adds(tmp_path / "odd.zip").document, adds(pets, name="plain").document
    assert one is not None
    assert plain is not None
    assert one.fingerprint == plain.fingerprint
    assert one.left_out_count == 0


def test_backslashes_lead_nowhere_else(adds: Adds, pets: Path, tmp_path: Path) -> None:
    archive, payload = zipped(pets, tmp_path / "bad.zip"), (pets / "cat" / "0.png").read_bytes()
    with zipfile.ZipFile(archive, "a") as packed:
        for name in ("..\\out.png", "\\root.png", "cat\\..\\..\\up.png", "C:\\cat\\0.png"):
            packed.writestr(name, payload)
        packed.writestr("cat/.hidden.png", payload)
    one = adds(archive)
    assert one.document is not None
    assert one.document.train + one.document.test == 20
    assert [why for _, why in own.left_out(one)] == [
        *(["has a path that leads out of the archive"] * 4),
        "is hidden: its name begins with a dot",
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_twice_in_a_zip_is_one_image(adds: Adds, pets: Path, tmp_path: Path) -> None:
    archive = zipped(pets, tmp_path / "twice.zip")
    picture(tmp_path / "new.png", np.full((6, 4, 3), 77))
    with zipfile.ZipFile(archive, "a") as packed:  # as an archive is updated
        packed.write(tmp_path / "new.png", "cat/0.png")
    one = adds(archive)
    assert one.document is not None
    assert own.left_out(one) == (("cat/0.png", "is in the archive more than once: the last one counts"),)
    values, _ = values_of(one)
    assert len(values) == 20
    assert [image[:, 0, 0].tolist() for image in values if image[2, 0, 0] not in (3,)] == [[77, 77, 77]]


CELEBA = """4
Smiling Male
b.jpg  1 -1
a.jpg -1  1
../../c.jpg  1  1
d.jpg  1 -1
"""


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    for k, name in enumerate("abcde"):
        picture(folder / "img_align" / f"{name}.jpg", np.full((8, 8), 40 * k))
    (folder / "list_attr_celeba.txt").write_text(CELEBA)
    return folder


def test_the_layout_of_celeba(adds: Adds, faces: Path) -> None:
    one = adds(faces, label="Smiling")
    assert one.document is not None
    assert one.document.class_names == ("not Smiling", "Smiling")
    values, labels = values_of(one)
    shades = {round(int(image[0, 0, 0]) / 40): label for image, label in zip(values, labels, strict=True)}
    assert shades == {0: "not Smiling", 1: "Smiling", 3: "Smiling"}  # a, b, d
    left_out = dict(own.left_out(one))
    assert left_out["../../c.jpg"] == "is in the table, and no image of the folder"
    assert left_out["img_align/e.jpg"] == "is not in the table"


def test_the_partition_of_celeba(adds: Adds, faces: Path) -> None:
    (faces / "list_eval_partition.txt").write_text("a.jpg 2\nb.jpg 0\nd.jpg 1\n")
    one = adds(faces, label="Male")
    assert one.document is not None
    assert (one.document.train, one.document.test, one.document.own_split) == (2, 1, True)
    _, labels = values_of(one)
    assert labels == ["not Male", "not Male", "Male"]


def test_a_table_of_csv_and_no_chosen_column(adds: Adds, faces: Path) -> None:
    (faces / "list_attr_celeba.txt").unlink()
    (faces / "about.csv").write_text("file,breed,age\na.jpg,poodle,3\nb.jpg,=cmd,4\nc.jpg,,5\n")
    one = adds(faces, label="breed")
    assert one.document is not None
    assert (one.document.class_names, one.document.unlabelled) == (("=cmd", "poodle"), 1)
    one = adds(faces, name="plain")
    assert one.document is not None
    assert (one.document.class_names, one.document.unlabelled) == ((), 3)
    with pytest.raises(DataError, match="has no attribute 'colour': choose from breed, age"):
        adds(faces, name="third", label="colour")


@pytest.mark.parametrize(
    "text",
    [
        "file;breed;age\na.jpg;poodle;3\nb.jpg;pug, small;4\n",
        "file\tbreed\tage\na.jpg\tpoodle\t3\nb.jpg\tpug, small\t4\n",
        'file, breed ,age\na.jpg,poodle,3,\nb.jpg,"pug, small",4,\n',
        'file,breed,age,\na.jpg,poodle,3,\nb.jpg,"pug, small",4,\n',
        'file,breed,age\na.jpg,poodle,3\nb.jpg,"pug, small",4\na.jpg,pug,5\n',
    ],
    ids=["semicolons", "tabs", "commas at the end", "in the header too", "twice"],
)
def test_attribute_tables_as_programs_write_them(adds: Adds, faces: Path, text: str) -> None:
    (faces / "list_attr_celeba.txt").unlink()
    (faces / "about.csv").write_text(text)
    one = adds(faces, label=" breed")
    assert one.document is not None
    assert one.document.class_names == ("poodle", "pug, small")
    _, labels = values_of(one)
    assert sorted(str(label) for label in labels) == ["poodle", "pug, small"]
    left_out = dict(own.left_out(one))
    assert left_out.pop("a.jpg", None) == (
        "is in the table more than once: its first row counts" if "5" in text else None
    )
    assert set(left_out.values()) == {"is not in the table"}
    with pytest.raises(DataError, match=r"has no attribute 'colour': choose from breed, age\."):
        adds(faces, name="other", label="colour")


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda folder: (folder / "more.csv").write_text("a,b\n1,2\n"), {}, None),
        (
            lambda folder: (folder / "list_attr_celeba.txt").write_text("2\nA B\nx.jpg 1 1\n"),
            {},
            "No image has a row",
        ),
        (
            lambda folder: (folder / "list_attr_celeba.txt").write_bytes(b"\xff\xfe\x00"),
            {},
            "cannot be read as a table, for it is no UTF-8: save it as UTF-8",
        ),
        (
            lambda folder: (folder / "list_attr_celeba.txt").write_text("1\nA A\na.jpg 1 1\n"),
            {},
            "has two columns of one name, 'A'",
        ),
        (
            lambda folder: (folder / "list_attr_celeba.csv").write_text("file,A\na.jpg,1,\nb.jpg,1,2\n"),
            {},
            "rows have a field more than the header",
        ),
    ],
)
def test_tables_that_do_not_fit(
    adds: Adds, faces: Path, home: Path, change: object, options: dict[str, str], said: str | None
) -> None:
    change(faces)  # type: ignore[operator]
    if (faces / "list_attr_celeba.csv").exists():
        (faces / "list_attr_celeba.txt").unlink()
    if said is None:
        adds(faces)  # CelebA's own name is preferred
        return
    with pytest.raises(DataError, match=said):
        adds(faces, **options)
    assert not list(home.glob("own-*"))


def test_a_folder_without_images(adds: Adds, tmp_path: Path, home: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="'none' holds no PNG, JPEG, WEBP or BMP image: give a folder"):
        adds(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be opened"):
        adds(tmp_path / "nowhere")
    (tmp_path / "fake.zip").write_text("no zip")
    with pytest.raises(DataError, match="cannot be read as a zip"):
        adds(tmp_path / "fake.zip")
    (tmp_path / "x.tar").write_text("")
    with pytest.raises(DataError, match="is nothing that can be added"):
        adds(tmp_path / "x.tar")
    assert not list(home.glob("own-*"))
