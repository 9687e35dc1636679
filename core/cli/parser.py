"""The command line's grammar: every command, argument and option, with its help."""

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from core.cli import commands, exploring, tending
from core.cli.attributes import OTHERS
from core.data.images import SPLITS
from core.errors import ConfigError
from core.generation.film import SHORTEST
from core.recipes import RECIPES
from core.store import TAG_LIMIT

PROGRAM = "python -m core"

DESCRIPTION = "VAEScope: train variational autoencoders and their relatives, and see what they learned."

EPILOG = f"""\
examples:
  {PROGRAM} train digits-vae --set epochs=50 beta=0.5 --name "my first run"
  {PROGRAM} sweep digits-vae --beta 0.25,0.5,1,2,3
  {PROGRAM} list
  {PROGRAM} evaluate RUN --json
  {PROGRAM} evaluate RUN --save

RUN is a run's id, as `list` prints it, or the path of its folder.
Runs lie in VAESCOPE_STORE (default: checkpoints/), data sets in VAESCOPE_DATA (default: data/).
Exit codes: 0 done, 1 failure, 2 wrong arguments or settings, 130 stopped by Ctrl+C."""

TAGGING = f"""\
A tag is data, one line of at most {TAG_LIMIT} visible characters in lower case, without a comma; quote one with spaces.
  {PROGRAM} tag RUN +paper "+figure 2" -draft
Without +TAG and -TAG it says which tags the runs have. `list --tag paper` lists the runs that have one."""

TRAINING = """\
The objective is D + beta R in nats per image, summed over the n values (pixels x channels) of the padded image.
A source that minimises w * mean over pixels + KL has w = n / beta, so that beta = n / w: a weight of 500 on
32x32 grey images is beta = 1024 / 500 = 2.048. At the end the run stands in the store with its scores; every epoch
is kept as it ends, and Ctrl+C leaves a run that opens."""


EVALUATION = """\
The scores do not depend on the batch size. A run in training is scored at its last epoch that ended.
With --save all splits are scored as at the end of training, and scores.json of the run is replaced whole: for one
that was damaged, or a run that was stopped before it was scored. What is stored of a split whose images cannot be
read stays. Bundled runs and runs in training are refused."""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others: main prints them and chooses the exit code."""

    takes_changes = False
    """Whether +WORD and -WORD are changes of tags, kept as `changes`; argparse would take -WORD for an option."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, after the changes of tags were taken out where this command has some."""
        words = list(sys.argv[1:] if args is None else args)
        changes = [word for word in words if re.match(r"\+.|-[^-]", word)] if self.takes_changes else []
        if not changes or words == ["-h"]:
            return super().parse_known_args(words, namespace)
        parsed, rest = super().parse_known_args([word for word in words if word not in changes], namespace)
        parsed.changes = changes
        return parsed, rest

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


def _from(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is not a whole number from {least}")
        return value

    read.__name__ = "whole number"
    return read


def _store_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", metavar="DIR", help="folder of the runs (default: VAESCOPE_STORE, else checkpoints/)"
    )


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="id of a run, or path of its folder")
    _store_option(parser)


def _runs_argument(parser: argparse.ArgumentParser, *, least: str = "+", help: str) -> None:
    parser.add_argument("runs", metavar="RUN", nargs=least, help=help)
    _store_option(parser)


def _yes_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")


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
    parser.add_argument("--steps", type=_from(1), default=steps, metavar="N", help=steps_help)
    parser.add_argument(
        "--scale", type=_from(1), metavar="N", help="side of a pixel (default: images of about 64 pixels)"
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


def _command(group: Any, name: str, function: object, sentence: str, *, detail: str = "") -> Parser:
    """A command of a group, which calls `function`; `sentence` begins small and has no full stop."""
    made: Parser = group.add_parser(
        name,
        help=sentence,
        description=f"{sentence[:1].upper()}{sentence[1:]}.",
        epilog=detail,
        formatter_class=_Format,
        allow_abbrev=False,
    )
    made.set_defaults(command=function)
    return made


def build_parser() -> Parser:
    """Make the parser; the parsed arguments hold the function to call as `command`."""
    parser = Parser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=_Format, allow_abbrev=False
    )
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, function: object, sentence: str, *, detail: str = "") -> Parser:
        return _command(actions, name, function, sentence, detail=detail)

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
    listing.add_argument(
        "--tag",
        metavar="TAG",
        action="append",
        default=[],
        help="only runs with this tag; may be given several times: runs with all of them",
    )
    _store_option(listing)
    _json_option(listing)

    show = command("show", commands.show, "show a run: what it is, its settings, its stored scores")
    _run_argument(show)
    _json_option(show)

    evaluate = command(
        "evaluate", commands.evaluate, "score a run from its weights and the images; writes nothing without --save",
        detail=EVALUATION,
    )  # fmt: skip
    _run_argument(evaluate)
    evaluate.add_argument("--split", choices=SPLITS, help="images to score (default: test)")
    evaluate.add_argument(
        "--seed", type=_from(0), metavar="N", help="of the draws from the posterior (default: 0)"
    )
    evaluate.add_argument("--draws", type=_from(1), metavar="N", help="draws an image, averaged (default: 1)")
    evaluate.add_argument(
        "--batch-size",
        type=_from(1),
        metavar="N",
        help="images at a time (default: 1000): memory and speed only",
    )
    evaluate.add_argument(
        "--device", metavar="D", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)"
    )
    evaluate.add_argument(
        "--save", action="store_true", help="score all splits and write scores.json of the run anew"
    )
    _json_option(evaluate)

    compare = command(
        "compare", commands.compare, "compare two to eight runs: scores, paired differences, similarity, settings",
        detail="Differences are the first run minus each other one, image by image. Latents that are not stored are "
        "encoded first, once. A score is marked as better only for equal data, likelihood and n.",
    )  # fmt: skip
    compare.add_argument("runs", metavar="RUN", nargs="+", help="ids of runs, or paths of their folders")
    compare.add_argument("--split", choices=SPLITS, default="test", help="images to compare (default: test)")
    compare.add_argument(
        "--neighbours",
        type=_from(1),
        default=10,
        metavar="N",
        help="nearest neighbours of an image (default: 10)",
    )
    compare.add_argument(
        "--seed",
        type=_from(0),
        default=0,
        help="of the sample of images where there are more than 3,000 (default: 0)",
    )
    _store_option(compare)
    _json_option(compare)

    traverse = command(
        "traverse", exploring.traverse, "decode each latent dimension through its quantiles, as a PNG",
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
        "--dimensions", type=_from(1), metavar="N", help="the N most informative ones (default: all)"
    )
    _picture_options(traverse, ending="FILE.png", steps=11, steps_help="images a row (default: 11)")

    interpolate = command(
        "interpolate", exploring.interpolate, "decode a path through several images, as a GIF or a PNG",
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
        "attribute", exploring.attribute, "measure the vector from one label to another, and what leaks from it",
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
        "place", exploring.place, "say how dense posterior and prior are at a place, and which images are nearest"
    )  # fmt: skip
    _run_argument(place)
    place.add_argument(
        "--at", required=True, metavar="Z,Z,...", help="the latent, as in --at=-0.5,1 (with = before a minus)"
    )
    place.add_argument("--nearest", type=_from(1), default=8, metavar="N", help="images listed (default: 8)")
    place.add_argument("--split", choices=SPLITS, default="train", help="images to take (default: train)")
    _json_option(place)

    rename = command("rename", tending.rename, "give a run another display name; its id stays")
    _run_argument(rename)
    rename.add_argument("name", metavar="NAME", help="the new name")

    note = command("note", tending.note, "keep a note with a run, in place of the one it has")
    _run_argument(note)
    note.add_argument("text", metavar="TEXT", help="the note; an empty text removes it")

    tag = command("tag", tending.tag, "add tags to runs and remove others", detail=TAGGING)
    tag.takes_changes = True
    tag.set_defaults(changes=[])
    tag.usage = f"{tag.prog} RUN [RUN ...] [+TAG ...] [-TAG ...] [--store DIR]"
    _runs_argument(tag, help="ids of runs, or paths of their folders")

    delete = command("delete", tending.delete, "move runs to the trash, after asking")
    _runs_argument(delete, help="ids of runs, or paths of their folders")
    _yes_option(delete)

    trash = command("trash", None, "list, restore, or delete for good what is in the trash")
    of_trash = trash.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "list the runs in the trash, and their disk use"
    trash_list = _command(of_trash, "list", tending.trash_list, about)
    _store_option(trash_list)
    _json_option(trash_list)
    about = "put runs back where they were, under their id where it is free"
    restore = _command(of_trash, "restore", tending.trash_restore, about)
    _runs_argument(restore, help="ids of runs in the trash, as `trash list` prints them, or their entries")
    about = "delete all runs in the trash for good, or only those named, after asking"
    empty = _command(of_trash, "empty", tending.trash_empty, about)
    _runs_argument(empty, least="*", help="only these: ids of runs in the trash, or their entries")
    _yes_option(empty)

    data = command("data", None, "list and download data sets")
    of_data = data.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "list the data sets, and say which are on this machine"
    _json_option(_command(of_data, "list", commands.data_list, about))
    about = "download what is missing of a data set, each file verified by its SHA-256"
    fetch = _command(of_data, "fetch", commands.data_fetch, about)
    fetch.add_argument("name", metavar="NAME", help="name of the data set, as `data list` prints it")
    return parser
