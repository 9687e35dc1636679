"""What tests of training share: settings that fit any family, and what a trained run left behind."""

from pathlib import Path
from typing import Any

from core.families import FAMILIES
from core.runs import Run
from core.store import list_runs


def fitting(family: str, **settings: Any) -> dict[str, Any]:
    """Settings of a family, without those that it refuses."""
    row = FAMILIES[family]
    taken = {key: value for key, value in settings.items() if key not in (*row.fixed, *row.ignores)}
    return {"family": family, **taken}


def weights_of(run: Run) -> dict[str, bytes]:
    """Bytes of each of its tensors."""
    return {name: tensor.numpy().tobytes() for name, tensor in run.model.state_dict().items()}


def only_folder(store: Path) -> Path:
    """Folder of the one run that a store holds."""
    (record,) = list_runs(store)
    return record.folder


def is_game(family: str) -> bool:
    """Whether players of a game train it, so that no objective has to fall."""
    return FAMILIES[family].training.endswith(":Adversarial")
