"""The 3-D figure: which traces, in which colours and shapes, and what it refuses."""

from typing import Any

import numpy as np
import pytest

from dashboard.charts.space import Colouring, space_3d
from dashboard.theme import POINT_SCALE, SPLIT_MARKERS, class_colour, palette

XYZ = np.arange(15, dtype=np.float64).reshape(5, 3)
LABELS = np.array([1, 0, 1, -1, 0])
SPLITS = np.array(["test", "train", "train", "test", "test"])


def drawn(**changes: Any) -> Any:
    options: dict[str, Any] = {
        "labels": LABELS,
        "class_names": ("zero", "<b>one</b>"),
        "splits": SPLITS,
        "rows": np.array([10, 11, 12, 13, 14]),
        "ids": np.array([100, 101, 102, 103, 104]),
        "axes": ("z 1", "z 2", "z 3"),
        "title": "Latent means",
        "subtitle": "5 points",
        "uirevision": "run",
        "dark": False,
    }
    return space_3d(changes.pop("xyz", XYZ), **{**options, **changes})


def test_a_trace_for_each_class_in_its_fixed_colour_and_a_shape_for_each_split() -> None:
    figure = drawn()
    assert [trace.name for trace in figure.data] == ["no label", "zero", "&lt;b&gt;one&lt;/b&gt;"]
    assert [trace.marker.color for trace in figure.data] == [class_colour(k) for k in (-1, 0, 1)]
    one = figure.data[2]
    np.testing.assert_array_equal(np.column_stack([one.x, one.y, one.z]), XYZ[[0, 2]])
    assert one.x.dtype == np.float32
    assert list(one.customdata) == [100, 102]
    assert list(one.marker.symbol) == [SPLIT_MARKERS["test"], SPLIT_MARKERS["train"]]
    assert one.text[0] == "<b>&lt;b&gt;one&lt;/b&gt;</b><br>test image 10"
    assert figure.layout.scene.aspectmode == "data"
    assert figure.layout.scene.uirevision == figure.layout.uirevision == "run"
    titles = [figure.layout.scene[f"{name}axis"].title.text for name in "xyz"]
    assert titles == ["z 1", "z 2", "z 3"]


def test_colours_by_split_and_by_a_number() -> None:
    by_split = drawn(by_split=True).data
    assert [trace.name for trace in by_split] == ["test", "train"]
    assert [trace.marker.color for trace in by_split] == [class_colour(0), class_colour(1)]
    values = np.array([1.0, 2, np.nan, 4, 5])
    (trace,) = drawn(colouring=Colouring(values, "Rate R (nats)", 1.5, 4.5)).data
    np.testing.assert_array_equal(trace.marker.color, values)
    assert (trace.marker.cmin, trace.marker.cmax) == (1.5, 4.5)
    assert [colour for _, colour in trace.marker.colorscale] == list(POINT_SCALE)
    assert trace.marker.colorbar.title.text == "Rate R (nats)"
    assert not trace.showlegend


def test_the_clicked_image_has_a_ring() -> None:
    *_, ring = drawn(marked=3, dark=True).data
    assert (ring.x[0], ring.y[0], ring.z[0]) == tuple(XYZ[3])
    assert ring.marker.color == palette(True).text
    assert ring.customdata is None
    assert len(drawn().data) == 3


def test_no_points_are_a_sentence() -> None:
    none = {name: np.zeros(0, np.int64) for name in ("labels", "splits", "rows", "ids")}
    figure = drawn(xyz=np.zeros((0, 3)), **none)
    assert figure.layout.annotations[0].text == "No image has a place here."


@pytest.mark.parametrize("changes", [{"xyz": XYZ[:, :2]}, {"labels": LABELS[:4]}, {"ids": np.arange(6)}])
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="three coordinates and one"):
        drawn(**changes)
