"""The command line's grammar: every command, argument and option, with its help."""

import argparse
import textwrap
from typing import NoReturn

from core.cli import commands
from core.cli.attributes import OTHERS
from core.errors import ConfigError
from core.generation.film import SHORTEST
from core.recipes import RECIPES
from core.runs import SPLITS

PROGRAM = "python -m core"

DESCRIPTION = "VAEScope: train variational autoencoders and their relatives, and see what they learned."

EPILOG = f"""\
examples:
  {PROGRAM} train digits-vae --set epochs=50 beta=0.5 --name "my first run"
  {PROGRAM} sweep digits-vae --beta 0.25,0.5,1,2,3
  {PROGRAM} list
  {PROGRAM} evaluate RUN --json

RUN is a run's id, as `list` prints it, or the path of its folder.
Runs lie in VAESCOPE_STORE (default: checkpoints/), data sets in VAESCOPE_DATA (default: data/).
Exit codes: 0 done, 1 failure, 2 wrong arguments or settings, 130 stopped by Ctrl+C."""

TRAINING = """\
The objective is D + beta R in nats per image, summed over the n values (pixels x channels) of the padded image.
A source that minimises w * mean over pixels + KL has w = n / beta, so that beta = n / w: a weight of 500 on
32x32 grey images is beta = 1024 / 500 = 2.048. At the end the run stands in the store with its scores; every epoch
is kept as it ends, and Ctrl+C leaves a run that opens."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others: main prints them and chooses the exit code."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{message[:1].upper()}{message[1:]}: see `{self.prog} --help`.")


class _Format(argparse.RawDescriptionHelpFormatter):
    """Breaks no line inside a name ('mnist-mlp-vae' stays whole), nor one after the longest command."""

    def format_help(self) -> str:
        # commands stand one level further in than argparse reckons with when it measures them
        self._action_max_length += self._indent_increment
        return super().format_help()

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)


def _from_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a whole number from 1")
    return value


_from_one.__name__ = "whole number"


def _store_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", metavar="DIR", help="folder of the runs (default: VAESCOPE_STORE, else checkpoints/)"
    )


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="id of a run, or path of its folder")
    _store_option(parser)


def _milliseconds(text: str) -> int:
    value = int(text)
    if not SHORTEST <= value <= 60_000:
        raise argparse.ArgumentTypeError(f"{value} is not a whole number from {SHORTEST} to 60000")
    return value


_milliseconds.__name__ = "whole number"


def _finite(text: str) -> float:
    value = float(text)
    if not abs(value) <= 1e6:  # false for NaN too
        raise argparse.ArgumentTypeError(f"{text} is not a number from -1000000 to 1000000")
    return value


_finite.__name__ = "number"


def _picture_options(parser: argparse.ArgumentParser, *, ending: str, steps: int, steps_help: str) -> None:
    parser.add_argument(
        "--out", required=True, metavar=ending, help="file to write; its folder must be there"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if there is one")
    parser.add_argument(
        "--split", choices=SPLITS, default="test", help="images to choose from (default: test)"
    )
    parser.add_argument("--steps", type=_from_one, default=steps, metavar="N", help=steps_help)
    parser.add_argument(
        "--scale", type=_from_one, metavar="N", help="side of a pixel (default: images of about 64 pixels)"
    )
    parser.add_argument(
        "--device", metavar="D", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)"
    )


def _training_arguments(parser: argparse.ArgumentParser, *, required: str = "") -> None:
    # written out, because argparse would put RECIPE last, where --set would take it for one of its own
    options = "[--set KEY=VALUE ...] [--name NAME] [--store DIR] [--device D] [--json]"
    parser.usage = f"{parser.prog} RECIPE {required}{options}"
    parser.add_argument("recipe", metavar="RECIPE", help=f"what to start from: {', '.join(RECIPES)}")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="change settings of the recipe, such as epochs=5 hidden=400,200 pad=none; may be given several times, "
        "the last value of a key holds; `settings` lists all keys",
    )
    parser.add_argument("--name", help="display name (default: the recipe's)")
    parser.add_argument(
        "--device", metavar="D", help="auto, cpu, cuda, cuda:1, ... (the same as --set device=D)"
    )
    _store_option(parser)
    _json_option(parser)


def build_parser() -> Parser:
    """Make the parser; the parsed arguments hold the function to call as `command`."""
    parser = Parser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=_Format, allow_abbrev=False
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, function: object, sentence: str, *, detail: str = "") -> argparse.ArgumentParser:
        made = actions.add_parser(
            name,
            help=sentence,
            description=f"{sentence[:1].upper()}{sentence[1:]}.",
            epilog=detail,
            formatter_class=_Format,
            allow_abbrev=False,
        )
        made.set_defaults(command=function)
        return made

    _json_option(command("recipes", commands.recipes, "list the recipes, what each gives, and its settings"))
    _json_option(
        command("settings", commands.settings, "list all settings: meaning, default, allowed values")
    )

    train = command("train", commands.train, "train a run and store it", detail=TRAINING)
    _training_arguments(train)

    sweep = command("sweep", commands.sweep, "train one run for each of several betas", detail=TRAINING)
    _training_arguments(sweep, required="--beta B,B,... ")
    sweep.add_argument(
        "--beta", required=True, metavar="B,B,...", help="the weights of the rate, such as 0.25,0.5,1,2,3"
    )

    listing = command("list", commands.list_all, "list all runs of the store, broken ones with the reason")
    _store_option(listing)
    _json_option(listing)

    show = command("show", commands.show, "show a run: what it is, its settings, its stored scores")
    _run_argument(show)
    _json_option(show)

    evaluate = command(
        "evaluate", commands.evaluate, "score a run from its weights and the images; writes nothing",
        detail="The scores do not depend on the batch size. A run in training is scored at its last epoch that ended.",
    )  # fmt: skip
    _run_argument(evaluate)
    evaluate.add_argument("--split", choices=SPLITS, default="test", help="images to score (default: test)")
    evaluate.add_argument("--seed", type=int, default=0, help="of the draws from the posterior (default: 0)")
    evaluate.add_argument(
        "--draws", type=_from_one, default=1, metavar="N", help="draws an image, averaged (default: 1)"
    )
    evaluate.add_argument(
        "--batch-size",
        type=_from_one,
        metavar="N",
        help="images at a time (default: 1000): memory and speed only",
    )
    evaluate.add_argument(
        "--device", metavar="D", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)"
    )
    _json_option(evaluate)

    traverse = command(
        "traverse", commands.traverse, "decode each latent dimension through its quantiles, as a PNG",
        detail="One row a dimension, most informative first; frame k stands at Phi^-1((k + 1/2) / steps).",
    )  # fmt: skip
    _run_argument(traverse)
    traverse.add_argument(
        "--row",
        type=int,
        metavar="N",
        help="start from this image, a row of the data set (default: the origin)",
    )
    traverse.add_argument(
        "--dimensions", type=_from_one, metavar="N", help="the N most informative ones (default: all)"
    )
    _picture_options(traverse, ending="FILE.png", steps=11, steps_help="images a row (default: 11)")

    interpolate = command(
        "interpolate", commands.interpolate, "decode a path through several images, as a GIF or a PNG",
        detail="A GIF runs there and back for ever; a PNG has one row from each image to the next.",
    )  # fmt: skip
    _run_argument(interpolate)
    interpolate.add_argument(
        "--rows",
        required=True,
        metavar="N,N,...",
        help="two images or more, rows of the data set, in their order",
    )
    interpolate.add_argument(
        "--spherical", action="store_true", help="along great circles around the origin, not straight"
    )
    interpolate.add_argument(
        "--milliseconds",
        type=_milliseconds,
        default=100,
        metavar="N",
        help="each frame of a GIF is shown, from 20 (default: 100)",
    )
    _picture_options(
        interpolate,
        ending="FILE.gif|FILE.png",
        steps=8,
        steps_help="from each image to the next (default: 8)",
    )

    attribute = command(
        "attribute", commands.attribute, "measure the vector from one label to another, and what leaks from it",
        detail="The vector is a difference of average latents. Leakage is the share of the images it starts from that, "
        "moved along it, lie nearest to the average of a label that was not meant.",
    )  # fmt: skip
    _run_argument(attribute)
    attribute.add_argument("--to", required=True, metavar="LABEL", help="the label that is meant")
    attribute.add_argument(
        "--from",
        dest="source",
        default=OTHERS,
        metavar="LABEL",
        help=f"the label to start from (default: {OTHERS}, all but that of --to)",
    )
    attribute.add_argument(
        "--strength",
        type=_finite,
        default=1.0,
        metavar="S",
        help="how often the vector is added (default: 1)",
    )
    attribute.add_argument("--split", choices=SPLITS, default="test", help="images to take (default: test)")
    _json_option(attribute)

    place = command(
        "place", commands.place, "say how dense posterior and prior are at a place, and which images are nearest"
    )  # fmt: skip
    _run_argument(place)
    place.add_argument(
        "--at", required=True, metavar="Z,Z,...", help="the latent, as in --at=-0.5,1 (with = before a minus)"
    )
    place.add_argument("--nearest", type=_from_one, default=8, metavar="N", help="images listed (default: 8)")
    place.add_argument("--split", choices=SPLITS, default="train", help="images to take (default: train)")
    _json_option(place)

    rename = command("rename", commands.rename, "give a run another display name; its id stays")
    _run_argument(rename)
    rename.add_argument("name", metavar="NAME", help="the new name")

    note = command("note", commands.note, "keep a note with a run, in place of the one it has")
    _run_argument(note)
    note.add_argument("text", metavar="TEXT", help="the note; an empty text removes it")

    delete = command("delete", commands.delete, "delete a run for good, after asking")
    _run_argument(delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")

    data = command("data", None, "list and download data sets")
    of_data = data.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "list the data sets, and say which are on this machine"
    data_list = of_data.add_parser("list", help=about, description=f"{about[:1].upper()}{about[1:]}.")
    data_list.set_defaults(command=commands.data_list)
    _json_option(data_list)
    about = "download what is missing of a data set, each file verified by its SHA-256"
    fetch = of_data.add_parser("fetch", help=about, description=f"{about[:1].upper()}{about[1:]}.")
    fetch.set_defaults(command=commands.data_fetch)
    fetch.add_argument("name", metavar="NAME", help="name of the data set, as `data list` prints it")
    return parser
