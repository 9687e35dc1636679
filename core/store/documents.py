"""What run.json says, and its reading."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.config import RunConfig
from core.errors import CheckpointError, ConfigError
from core.files import one_line, read_json

FORMAT = 1

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
    weights: str | None = Field(default=None, pattern=r"^model-\d+\.safetensors$")
    parameters: int = Field(ge=0)
    versions: dict[str, str]
    machine: str


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
