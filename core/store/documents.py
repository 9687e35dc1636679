"""What run.json says, and its reading."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError
from core.files import one_line, read_json

FORMAT = 1

RESUME = re.compile(r"^resume-(\d{1,9})-(\d{1,9})\.safetensors$")
"""Epochs done, and steps done in the one after"""

NAME_LIMIT = 120


class DataDocument(BaseModel):
    """The part of run.json about the data that a run was trained on."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    dataset: str
    fingerprint: str
    shape: tuple[int, int, int]
    padded: tuple[int, int, int]
    class_names: tuple[str, ...]
    train: int
    validation: int
    test: int
    kind: Literal["image", "vector"] = "image"
    """'vector' for rows of numbers, of shape (1, 1, d)"""


class ArithmeticDocument(BaseModel):
    """The part of run.json about what computes: where any of it differs, sums are rounded differently."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    device: str
    """Of the processor or the GPU, e.g. 'CPU x86_64 AVX2'"""
    threads: int
    torch: str
    precision: str
    revision: int = 1
    """Of the project's own steps of training; runs from before it was recorded had the first"""


Weights = Annotated[str, Field(pattern=r"^model-\d+\.safetensors$")]


class RunDocument(BaseModel):
    """run.json: what a run is and where its weights are."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    format: int
    id: str
    name: str = Field(max_length=NAME_LIMIT)
    created: str
    updated: str
    state: str = Field(pattern=r"^(running|finished|stopped|diverged|failed)$")
    reason: str | None = None
    bundled: bool = False
    recipe: str | None = None
    sweep: str | None = None
    config: RunConfig
    data: DataDocument
    epoch: int = Field(ge=0)
    """The last whole epoch with a checkpoint: `weights` are its weights"""
    weights: Weights | None = None
    kept: dict[Annotated[int, Field(ge=0)], Weights] = {}
    """Epochs whose weights stay, and their files"""
    best: int | None = None
    """Of those kept, the epoch with the lowest validation objective; None where nothing is held out"""
    resume: str | None = Field(default=None, pattern=RESUME.pattern)
    """The file that training goes on from; it may be ahead of `weights`, in the middle of an epoch"""
    parameters: int = Field(ge=0)
    versions: dict[str, str]
    machine: str
    arithmetic: ArithmeticDocument | None = None
    """None for runs of releases that did not record it"""

    @property
    def stands(self) -> tuple[int, int]:
        """Where training goes on from: epochs done, and steps done in the one after."""
        found = RESUME.fullmatch(self.resume or "")
        return (int(found[1]), int(found[2])) if found else (self.epoch, 0)


class NewerFormat(CheckpointError):
    """A run was written by a later release."""


def read_document(folder: Path) -> RunDocument:
    """Read and check a folder's run.json.

    Raises:
        NewerFormat: a later release wrote it.
        CheckpointError: it is missing, damaged, or not ours.
    """
    value = read_json(folder / "run.json")
    version = value.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormat(
            f"It was written in format {version}, newer than {FORMAT}: update VAEScope to open it."
        )
    try:
        return RunDocument.model_validate(value)
    except (ValidationError, ConfigError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "run.json"
            detail = f"'{one_line(where, limit=80)}': {first['msg']}"
        else:
            detail = str(error).rstrip(".")
        raise CheckpointError(
            f"run.json is damaged or not ours ({one_line(detail)}): restore it from a copy, or delete the run."
        ) from error
