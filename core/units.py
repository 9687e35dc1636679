"""What single units of a code do: what each adds to an image."""

import numpy as np

from core.runs import Run


def atoms(run: Run) -> np.ndarray:
    """What each unit adds to the decoder's output when it goes from 0 to 1 and all others are 0: (L, C, H, W) float32.

    The unit is that of the decoder: logits of a Bernoulli, pixel values of a Gaussian. Where the decoder is one layer
    these are its columns, the dictionary of a sparse code (Olshausen and Field 1996); else only a view of it from 0.

    Raises:
        CheckpointError: the weights are missing or damaged.
    """
    import torch

    model = run.model
    device = next(model.parameters()).device
    with torch.no_grad():
        lit = model.decode(torch.eye(run.latent, device=device))  # type: ignore[operator]
        dark = model.decode(torch.zeros((1, run.latent), device=device))  # type: ignore[operator]
    found: np.ndarray = (lit - dark).float().cpu().numpy()
    return found
