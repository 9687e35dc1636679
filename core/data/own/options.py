"""What a person chooses of a data set to be, and the limits that its reading keeps to."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from core.settings import Settings, none_text

GIB = 2**30
MOST_CLASSES = 255
"""A map's point holds its class in one byte, and one value of it means "no label"."""

MOST_SIDE = 512
"""Pixels of a stored side at most"""

Side = Annotated[int, Field(ge=2, le=MOST_SIDE)]


def _sides(value: object) -> object:
    """'32' and '48x64' (height x width), as a command line has them; 'none' keeps the size of the first image."""
    if isinstance(value, str):
        parts = value.strip().lower().split("x")
        return none_text(value) and tuple(parts * 2 if len(parts) == 1 else parts)
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


class Options(Settings):
    """How the items of a source become the rows of a data set."""

    size: Annotated[tuple[Side, Side] | None, BeforeValidator(_sides)] = Field(
        default=None,
        description="height x width in pixels; none keeps the size that the first image has",
        json_schema_extra={"allowed": f"none, one side or HEIGHTxWIDTH, from 2 to {MOST_SIDE}"},
    )
    crop: Annotated[int | None, BeforeValidator(none_text)] = Field(
        default=None,
        ge=2,
        le=65_535,
        description="side in pixels of the centred square that is cut out first",
        json_schema_extra={"allowed": "none, or a whole number from 2 to 65535"},
    )
    fit: Literal["crop", "pad", "stretch"] = Field(
        default="crop", description="an image of another shape is cut, gets black borders, or is distorted"
    )
    colour: Literal["auto", "grey", "rgb"] = Field(
        default="auto", description="auto is grey if the first images are, else RGB"
    )
    label: str | None = Field(
        default=None,
        max_length=200,
        description="column or attribute that holds the label",
        json_schema_extra={"allowed": "text of at most 200 characters"},
    )
    test: float = Field(
        default=0.15,
        gt=0,
        le=0.9,
        description="share of the test split, stratified, where the source has no split of its own",
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="of that split")


class Limits(Settings):
    """What the process that reads a source may use, and what a source may hold."""

    memory: float = Field(default=4.0, ge=0.5, le=1024, description="GiB of address space")
    minutes: float = Field(default=60.0, ge=0.01, le=10_000, description="minutes for the whole import")
    items: int = Field(default=2_000_000, ge=2, le=2**28, description="images or vectors in all")
    classes: int = Field(default=MOST_CLASSES, ge=1, le=MOST_CLASSES, description="classes in all")
    pixels: int = Field(
        default=50_000_000, ge=1, le=2**31, description="pixels of one image before it is fitted"
    )
    file: float = Field(default=64.0, gt=0, le=4096, description="MiB of one image file")
    table: float = Field(
        default=4096.0, gt=0, le=2**20, description="MiB that a table, or an array of an npz, unpacks to"
    )
    columns: int = Field(default=4096, ge=1, le=65_536, description="values of a vector")
