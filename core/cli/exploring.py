"""Commands that decode and measure places of a run's latent space."""

import argparse

from core.cli import attributes, pictures, places
from core.cli.finding import open_with_weights, record_of
from core.cli.terminal import emit, emit_json
from core.runs import Run


def sample(args: argparse.Namespace) -> int:
    """Decode draws from the prior and write them as a picture."""
    out = pictures.target(args.out, endings=(".png",), force=args.force)
    run = open_with_weights(record_of(args), device=args.device)
    emit(*pictures.sample(run, out, count=args.count, seed=args.seed, label=args.label, scale=args.scale))
    return 0


def traverse(args: argparse.Namespace) -> int:
    """Decode a traversal and write it as a picture."""
    out = pictures.target(args.out, endings=(".png",), force=args.force)
    run = open_with_weights(record_of(args), device=args.device)
    lines = pictures.traverse(
        run,
        out,
        row=args.row,
        split=args.split,
        steps=args.steps,
        most=args.dimensions,
        scale=args.scale,
        label=args.label,
    )
    emit(*lines)
    return 0


def interpolate(args: argparse.Namespace) -> int:
    """Decode a path through images and write it as a film or a strip."""
    out = pictures.target(args.out, endings=(".gif", ".png"), force=args.force)
    rows = pictures.rows_of_text(args.rows)
    run = open_with_weights(record_of(args), device=args.device)
    lines = pictures.interpolate(
        run,
        out,
        rows=rows,
        split=args.split,
        steps=args.steps,
        spherical=args.spherical,
        milliseconds=args.milliseconds,
        scale=args.scale,
        label=args.label,
    )
    emit(*lines)
    return 0


def arithmetic(args: argparse.Namespace) -> int:
    """Decode a - b + c of three images and write it as a picture."""
    out = pictures.target(args.out, endings=(".png",), force=args.force)
    rows = pictures.rows_of_text(args.rows)
    run = open_with_weights(record_of(args), device=args.device)
    emit(*pictures.arithmetic(run, out, rows=rows, split=args.split, scale=args.scale, label=args.label))
    return 0


def attribute(args: argparse.Namespace) -> int:
    """Measure the vector between two labels, and what leaks from it."""
    record = record_of(args)
    run = Run(record)
    found = attributes.describe_attribute(
        run, to=args.to, source=args.source, split=args.split, strength=args.strength
    )
    if args.json:
        emit_json(found)
    else:
        emit(*attributes.attribute_lines(found, unit=_unit(run)))
    return 0


def place(args: argparse.Namespace) -> int:
    """Measure the densities at a place of the latent space, and list the nearest images."""
    run = Run(record_of(args))
    z = places.place_of_text(args.at, latent=run.latent)
    found = places.describe_place(run, z, split=args.split, k=args.nearest)
    if args.json:
        emit_json(found)
    else:
        emit(*places.place_lines(found, unit=_unit(run)))
    return 0


def _unit(run: Run) -> str:
    return "prior standard deviations" if run.has_posterior else "standard deviations of the codes"
