"""The command line's grammar: every command, argument and option, with its help."""

from typing import Any

from core.cli import adding, commands, denoising, exploring, projecting, selecting, tending, waiting
from core.cli.attributes import OTHERS
from core.cli.grammar import (
    Format,
    Parser,
    add_command,
    finite,
    from_least,
    json_option,
    milliseconds,
    picture_options,
    run_argument,
    runs_argument,
    store_option,
    training_arguments,
    yes_option,
)
from core.data.images import SPLITS
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

RUN is a run's id, as `list` prints it, or the path of its folder; RUN@3 or RUN@best is an epoch that it keeps.
Runs lie in VAESCOPE_STORE (default: checkpoints/), data sets in VAESCOPE_DATA (default: data/).
Exit codes: 0 done, 1 failure, 2 wrong arguments or settings, 130 stopped by Ctrl+C or SIGTERM."""

TAGGING = f"""\
A tag is data, one line of at most {TAG_LIMIT} visible characters in lower case, without a comma; quote one with spaces.
  {PROGRAM} tag RUN +paper "+figure 2" -draft
Without +TAG and -TAG it says which tags the runs have. `list --tag paper` lists the runs that have one."""

TRAINING = """\
The objective is D + beta R in nats per image, summed over the n values (pixels x channels) of the padded image.
A source that minimises w * mean over pixels + KL has w = n / beta, so that beta = n / w: a weight of 500 on
32x32 grey images is beta = 1024 / 500 = 2.048. At the end the run stands in the store with its scores. Ctrl+C and
SIGTERM save a checkpoint at the next step and end there; a second one ends at once. `resume` goes on."""

RESUMING = """\
It first says "Exact" or "Not exact": on the same CPU, with the same torch and as many threads, the run ends as it
would have without the pause, bit for bit. It goes on where training was stopped, or was killed, from the last
checkpoint before: after each epoch, or after ten minutes (settings checkpoint_epochs, checkpoint_minutes)."""


EVALUATION = """\
The scores do not depend on the batch size. A run in training is scored at its last epoch that ended.
With --save all splits are scored as at the end of training, and scores.json of the run is replaced whole: for one
that was damaged, or a run that was stopped before it was scored. What is stored of a split whose images cannot be
read stays. Bundled runs and runs in training are refused."""


def build_parser() -> Parser:
    """Make the parser; the parsed arguments hold the function to call as `command`."""
    parser = Parser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=Format, allow_abbrev=False
    )
    commands_of = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for room in (
        _training,
        waiting.add_commands,
        _reading,
        _exploring,
        projecting.add_commands,
        denoising.add_commands,
        selecting.add_commands,
        _tending,
        _data,
    ):
        room(commands_of)
    return parser


def _training(actions: Any) -> None:
    """Commands that train, and those that say what can be trained."""
    json_option(
        add_command(
            actions, "recipes", commands.recipes, "list the recipes, what each gives, and its settings"
        )
    )
    json_option(
        add_command(
            actions, "settings", commands.settings, "list all settings: meaning, default, allowed values"
        )
    )

    train = add_command(actions, "train", commands.train, "train a run and store it", detail=TRAINING)
    training_arguments(train)
    assert train.usage is not None
    train.usage += " [--dry-run]"
    train.add_argument(
        "--dry-run",
        action="store_true",
        help="train for some seconds, keep nothing, and say what the run would cost: parameters, memory, time",
    )

    resume = add_command(
        actions, "resume", commands.resume, "train a run further from its last checkpoint", detail=RESUMING
    )
    run_argument(resume)
    resume.add_argument(
        "--epochs",
        type=from_least(1),
        metavar="N",
        help="epochs in all; a finished run needs more than it has",
    )
    json_option(resume)

    sweep = add_command(
        actions, "sweep", commands.sweep, "train one run for each of several betas", detail=TRAINING
    )
    training_arguments(sweep, required="--beta B,B,... ")
    sweep.add_argument(
        "--beta", required=True, metavar="B,B,...", help="the weights of the rate, such as 0.25,0.5,1,2,3"
    )


def _reading(actions: Any) -> None:
    """Commands that list, show, score and compare runs."""
    listing = add_command(
        actions, "list", commands.list_all, "list all runs of the store, broken ones with the reason"
    )
    listing.add_argument(
        "--tag",
        metavar="TAG",
        action="append",
        default=[],
        help="only runs with this tag; may be given several times: runs with all of them",
    )
    store_option(listing)
    json_option(listing)

    show = add_command(
        actions, "show", commands.show, "show a run: what it is, its settings, its stored scores"
    )
    run_argument(show)
    json_option(show)

    evaluate = add_command(
        actions,
        "evaluate",
        commands.evaluate,
        "score a run from its weights and the images; writes nothing without --save",
        detail=EVALUATION,
    )
    run_argument(evaluate)
    evaluate.add_argument("--split", choices=SPLITS, help="images to score (default: test)")
    evaluate.add_argument(
        "--seed", type=from_least(0), metavar="N", help="of the draws from the posterior (default: 0)"
    )
    evaluate.add_argument(
        "--draws", type=from_least(1), metavar="N", help="draws an image, averaged (default: 1)"
    )
    evaluate.add_argument(
        "--batch-size",
        type=from_least(1),
        metavar="N",
        help="images at a time (default: 1000): memory and speed only",
    )
    evaluate.add_argument(
        "--device", metavar="D", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: auto)"
    )
    evaluate.add_argument(
        "--save", action="store_true", help="score all splits and write scores.json of the run anew"
    )
    json_option(evaluate)

    compare = add_command(
        actions,
        "compare",
        commands.compare,
        "compare two to eight runs: scores, paired differences, similarity, settings",
        detail="Differences are the first run minus each other one, image by image. Latents that are not stored are "
        "encoded first, once. A score is marked as better only for equal data, likelihood and n.",
    )
    compare.add_argument("runs", metavar="RUN", nargs="+", help="ids of runs, or paths of their folders")
    compare.add_argument("--split", choices=SPLITS, default="test", help="images to compare (default: test)")
    compare.add_argument(
        "--neighbours",
        type=from_least(1),
        default=10,
        metavar="N",
        help="nearest neighbours of an image (default: 10)",
    )
    compare.add_argument(
        "--seed",
        type=from_least(0),
        default=0,
        help="of the sample of images where there are more than 3,000 (default: 0)",
    )
    store_option(compare)
    json_option(compare)


def _exploring(actions: Any) -> None:
    """Commands that decode and measure places of the latent space."""
    sample = add_command(
        actions,
        "sample",
        exploring.sample,
        "decode draws from the prior, as a PNG",
        detail="A run of family cvae decodes each draw as the class of --label, or as every class: one row a draw, one "
        "column a class.",
    )
    run_argument(sample)
    sample.add_argument("--count", type=from_least(1), default=10, metavar="N", help="draws (default: 10)")
    sample.add_argument(
        "--seed", type=from_least(0), default=0, metavar="N", help="of the draws (default: 0)"
    )
    picture_options(sample, ending="FILE.png", split=False)

    traverse = add_command(
        actions,
        "traverse",
        exploring.traverse,
        "decode each latent dimension through its quantiles, as a PNG",
        detail="One row a dimension, most informative first; frame k stands at Phi^-1((k + 1/2) / steps).",
    )
    run_argument(traverse)
    traverse.add_argument(
        "--row",
        type=int,
        metavar="N",
        help="start from this image, a row of the data set (default: the origin)",
    )
    traverse.add_argument(
        "--dimensions", type=from_least(1), metavar="N", help="the N most informative ones (default: all)"
    )
    picture_options(traverse, ending="FILE.png", steps=11, steps_help="images a row (default: 11)")

    interpolate = add_command(
        actions,
        "interpolate",
        exploring.interpolate,
        "decode a path through several images, as a GIF or a PNG",
        detail="A GIF runs there and back for ever; a PNG has one row from each image to the next.",
    )
    run_argument(interpolate)
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
        type=milliseconds,
        default=100,
        metavar="N",
        help="each frame of a GIF is shown, from 20 (default: 100)",
    )
    picture_options(
        interpolate,
        ending="FILE.gif|FILE.png",
        steps=8,
        steps_help="from each image to the next (default: 8)",
    )

    arithmetic = add_command(
        actions,
        "arithmetic",
        exploring.arithmetic,
        "decode a - b + c of three images, as a PNG",
        detail="What a has and b lacks, given to c; the picture shows a, b and c, decoded, and then the result.",
    )
    run_argument(arithmetic)
    arithmetic.add_argument(
        "--rows", required=True, metavar="A,B,C", help="three images, rows of the data set"
    )
    picture_options(arithmetic, ending="FILE.png")

    attribute = add_command(
        actions,
        "attribute",
        exploring.attribute,
        "measure the vector from one label to another, and what leaks from it",
        detail="The vector is a difference of average latents. Leakage is the share of the images it starts from that, "
        "moved along it, lie nearest to the average of a label that was not meant.",
    )
    run_argument(attribute)
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
        type=finite,
        default=1.0,
        metavar="S",
        help="how often the vector is added (default: 1)",
    )
    attribute.add_argument("--split", choices=SPLITS, default="test", help="images to take (default: test)")
    json_option(attribute)

    place = add_command(
        actions,
        "place",
        exploring.place,
        "say how dense posterior and prior are at a place, and which images are nearest",
    )
    run_argument(place)
    place.add_argument(
        "--at", required=True, metavar="Z,Z,...", help="the latent, as in --at=-0.5,1 (with = before a minus)"
    )
    place.add_argument(
        "--nearest", type=from_least(1), default=8, metavar="N", help="images listed (default: 8)"
    )
    place.add_argument("--split", choices=SPLITS, default="train", help="images to take (default: train)")
    json_option(place)


def _tending(actions: Any) -> None:
    """Commands that tend stored runs."""
    rename = add_command(actions, "rename", tending.rename, "give a run another display name; its id stays")
    run_argument(rename)
    rename.add_argument("name", metavar="NAME", help="the new name")

    note = add_command(actions, "note", tending.note, "keep a note with a run, in place of the one it has")
    run_argument(note)
    note.add_argument("text", metavar="TEXT", help="the note; an empty text removes it")

    tag = add_command(actions, "tag", tending.tag, "add tags to runs and remove others", detail=TAGGING)
    tag.takes_changes = True
    tag.set_defaults(changes=[])
    tag.usage = f"{tag.prog} RUN [RUN ...] [+TAG ...] [-TAG ...] [--store DIR]"
    runs_argument(tag, help="ids of runs, or paths of their folders")

    delete = add_command(actions, "delete", tending.delete, "move runs to the trash, after asking")
    runs_argument(delete, help="ids of runs, or paths of their folders")
    yes_option(delete)

    trash = add_command(actions, "trash", None, "list, restore, or delete for good what is in the trash")
    of_trash = trash.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "list the runs in the trash, and their disk use"
    trash_list = add_command(of_trash, "list", tending.trash_list, about)
    store_option(trash_list)
    json_option(trash_list)
    about = "put runs back where they were, under their id where it is free"
    restore = add_command(of_trash, "restore", tending.trash_restore, about)
    runs_argument(restore, help="ids of runs in the trash, as `trash list` prints them, or their entries")
    about = "delete all runs in the trash for good, or only those named, after asking"
    empty = add_command(of_trash, "empty", tending.trash_empty, about)
    runs_argument(empty, least="*", help="only these: ids of runs in the trash, or their entries")
    yes_option(empty)


def _data(actions: Any) -> None:
    """Commands for data sets."""
    data = add_command(actions, "data", None, "list and download data sets, and add your own")
    of_data = data.add_subparsers(title="commands", metavar="COMMAND", required=True)
    about = "list the data sets, and say which are on this machine"
    json_option(add_command(of_data, "list", commands.data_list, about))
    about = "download what is missing of a data set, each file verified by its SHA-256"
    fetch = add_command(of_data, "fetch", commands.data_fetch, about)
    fetch.add_argument("name", metavar="NAME", help="name of the data set, as `data list` prints it")
    adding.add_commands(of_data)
