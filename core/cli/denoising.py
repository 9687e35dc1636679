"""What `denoise` says: how much noise a run takes out of a split's images."""

import argparse
from typing import Any

from core.cli.finding import open_with_weights, record_of
from core.cli.grammar import add_command, finite, from_least, json_option, run_argument
from core.cli.terminal import emit, emit_json
from core.data.images import SPLITS
from core.denoising import KINDS
from core.denoising import denoise as denoise_images


def add_commands(actions: Any) -> None:
    """Add `denoise` to the command line's grammar."""
    noise = add_command(
        actions,
        "denoise",
        denoise,
        "corrupt the images of a split and say how much of the noise a run takes out",
        detail="Any run can be asked; family dae is trained for it. PSNR: -10 log10 of the mean squared error, in dB.",
    )
    run_argument(noise)
    noise.add_argument("--kind", choices=KINDS, default="gaussian", help="of corruption (default: gaussian)")
    noise.add_argument(
        "--level",
        type=finite,
        default=0.25,
        metavar="S",
        help="standard deviation of Gaussian noise, or share of values masked or replaced (default: 0.25)",
    )
    noise.add_argument("--split", choices=SPLITS, default="test", help="images to take (default: test)")
    noise.add_argument("--seed", type=from_least(0), default=0, metavar="N", help="of the noise (default: 0)")
    noise.add_argument(
        "--device", metavar="D", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)"
    )
    json_option(noise)


def denoise(args: argparse.Namespace) -> int:
    """Corrupt the images of a split, let the run reconstruct them, and compare both with the clean ones."""
    run = open_with_weights(record_of(args), device=args.device)
    found = denoise_images(run, run.images(args.split), kind=args.kind, level=args.level, seed=args.seed)
    document = {
        "run": run.id,
        "split": args.split,
        "images": len(found.clean),
        "corruption": args.kind,
        "level": args.level,
        "seed": args.seed,
        "psnr_noisy": found.psnr_noisy,
        "psnr_denoised": found.psnr_denoised,
        "unit": "dB",
        "direction": "higher is better",
    }
    if args.json:
        emit_json(document)
    else:
        emit(*_lines(document))
    return 0


def _lines(document: dict[str, Any]) -> list[str]:
    noisy, denoised = (
        "equal to the clean ones" if value is None else f"{value:.2f} dB"
        for value in (document["psnr_noisy"], document["psnr_denoised"])
    )
    return [
        f"{document['images']:,} {document['split']} images of run '{document['run']}', corruption "
        f"{document['corruption'].replace('_', ' ')} at level {document['level']:g}, seed {document['seed']}.",
        f"PSNR against the clean images, higher is better: noisy {noisy}, reconstructed {denoised}.",
    ]
