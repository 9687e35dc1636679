"""What `denoise` says: how much noise a run takes out of a split's images."""

import argparse
from typing import Any

from core.cli.finding import open_with_weights, record_of
from core.cli.terminal import emit, emit_json
from core.denoising import denoise as denoise_images


def denoise(args: argparse.Namespace) -> int:
    """Corrupt the images of a split, let the run reconstruct them, and compare both with the clean ones."""
    run = open_with_weights(record_of(args).folder, device=args.device)
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
