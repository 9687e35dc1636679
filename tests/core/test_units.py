"""What single units add to an image: the columns of a one-layer decoder."""

from collections.abc import Callable

import numpy as np
import torch

from core.runs import Run, open_run
from core.units import atoms
from tests.conftest import REPO


def test_atoms_of_one_layer_are_its_columns() -> None:
    run = open_run(REPO / "checkpoints" / "bundled-digits-sae", device="cpu")
    layer = run.model.decoder[0]  # type: ignore[index, union-attr]
    found = atoms(run)
    assert found.shape == (100, 1, 8, 8)
    np.testing.assert_allclose(found.reshape(100, 64), layer.weight.detach().numpy().T, atol=1e-5)


def test_atoms_of_a_deeper_decoder_are_steps_from_0(trained: Callable[..., Run]) -> None:
    run = trained(family="ae", latent=3)
    z = torch.tensor([[0.0, 0, 0], [0, 1, 0]])
    with torch.no_grad():
        dark, lit = run.model.decode(z).numpy()  # type: ignore[operator]
    np.testing.assert_allclose(atoms(run)[1], lit - dark, atol=1e-5)
