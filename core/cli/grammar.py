"""What all commands of the command line share: the parser, its options, and how numbers are read."""

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from core.data.images import SPLITS
from core.errors import ConfigError
from core.generation.film import SHORTEST
from core.recipes import RECIPES

MOST_STEPS = 1000
"""Images a row, or from one image to the next, at most"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors like all others: main prints them and chooses the exit code."""

    takes_changes = False
    """Whether +WORD and -WORD are changes of tags, kept as `changes`; argparse would take -WORD for an option."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, after the changes of tags were taken out where this command has some."""
        words = list(sys.argv[1:] if args is None else args)
        # a sign alone too: that no tag follows it is said better than that there is no run of this name
        changes = [word for word in words if re.match(r"\+|-(?!-)", word)] if self.takes_changes else []
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


class Format(argparse.RawDescriptionHelpFormatter):
    """Breaks no line inside a name ('mnist-mlp-vae' stays whole), nor one after the longest command."""

    def format_help(self) -> str:
        """Indent as argparse does, one level further for commands of a command."""
        # commands stand one level further in than argparse reckons with when it measures them
        self._action_max_length += self._indent_increment
        return super().format_help()

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)


def key_values(words: Iterable[str], *, example: str, keys: Iterable[str]) -> dict[str, str]:
    """Read words `key=value`; the last value of a key holds.

    Raises:
        ConfigError: a word without '='; the sentence has the example and the keys there are.
    """
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(
                f"'{word}' is not key=value: write {example}, with the key one of {', '.join(keys)}."
            )
        found[key.strip()] = value
    return found


def from_least(least: int, *, most: int | None = None) -> Callable[[str], int]:
    """Reader of whole numbers from `least`, up to `most` where that is given."""

    def read(text: str) -> int:
        value = int(text)
        if value < least or (most is not None and value > most):
            upto = "" if most is None else f" to {most}"
            raise argparse.ArgumentTypeError(f"{value} is not a whole number from {least}{upto}")
        return value

    read.__name__ = "whole number"
    return read


def store_option(parser: argparse.ArgumentParser) -> None:
    """Add --store."""
    parser.add_argument(
        "--store", metavar="DIR", help="folder of the runs (default: VAESCOPE_STORE, else checkpoints/)"
    )


def json_option(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")


def run_argument(parser: argparse.ArgumentParser) -> None:
    """Add RUN and --store."""
    parser.add_argument("run", metavar="RUN", help="id of a run, or path of its folder")
    store_option(parser)


def runs_argument(parser: argparse.ArgumentParser, *, least: str = "+", help: str) -> None:
    """Add RUN ... and --store."""
    parser.add_argument("runs", metavar="RUN", nargs=least, help=help)
    store_option(parser)


def yes_option(parser: argparse.ArgumentParser) -> None:
    """Add --yes, which answers the question before a deletion."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def milliseconds(text: str) -> int:
    """Read how long a frame of a film is shown."""
    value = int(text)
    if not SHORTEST <= value <= 60_000:
        raise argparse.ArgumentTypeError(f"{value} is not a whole number from {SHORTEST} to 60000")
    return value


milliseconds.__name__ = "whole number"


def finite(text: str) -> float:
    """Read a number of at most a million either way."""
    value = float(text)
    if not abs(value) <= 1e6:  # false for NaN too
        raise argparse.ArgumentTypeError(f"{text} is not a number from -1000000 to 1000000")
    return value


finite.__name__ = "number"


def picture_options(
    parser: argparse.ArgumentParser,
    *,
    ending: str,
    steps: int | None = None,
    steps_help: str = "",
    split: bool = True,
) -> None:
    """Add what every command that writes a picture takes; `--steps` only where it has a default."""
    parser.add_argument(
        "--out", required=True, metavar=ending, help="file to write; its folder must be there"
    )
    parser.add_argument("--force", action="store_true", help="replace the file if there is one")
    if split:
        parser.add_argument(
            "--split", choices=SPLITS, default="test", help="images to choose from (default: test)"
        )
    parser.add_argument(
        "--label",
        metavar="CLASS",
        help="decode as this class, for a run of family cvae (default: that of the images, or all for samples)",
    )
    if steps is not None:
        parser.add_argument(
            "--steps", type=from_least(1, most=MOST_STEPS), default=steps, metavar="N", help=steps_help
        )
    parser.add_argument(
        "--scale",
        type=from_least(1),
        metavar="N",
        help="side of a pixel (default: images of about 64 pixels)",
    )
    parser.add_argument(
        "--device", metavar="D", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)"
    )


def training_arguments(parser: argparse.ArgumentParser, *, required: str = "") -> None:
    """Add RECIPE and what every command that trains takes."""
    # written out, because argparse would put RECIPE last, where --set would take it for one of its own
    options = "[--set KEY=VALUE ...] [--name NAME] [--store DIR] [--device D] [--detach] [--json]"
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
    parser.add_argument(
        "--detach",
        action="store_true",
        help="queue it for a process of its own, which outlives this terminal; `jobs` shows how far it is",
    )
    store_option(parser)
    json_option(parser)


def add_command(group: Any, name: str, function: object, sentence: str, *, detail: str = "") -> Parser:
    """A command of a group, which calls `function`; `sentence` begins small and has no full stop."""
    made: Parser = group.add_parser(
        name,
        help=sentence,
        description=f"{sentence[:1].upper()}{sentence[1:]}.",
        epilog=detail,
        formatter_class=Format,
        allow_abbrev=False,
    )
    made.set_defaults(command=function)
    return made
