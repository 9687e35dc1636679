"""Words of the Train page: states, spans of time, and how far a run is."""

from dashboard import controls
from dashboard.gateway import TrainingJob

COLOURS = {
    "queued": "grey",
    "running": "blue",
    "stalled": "orange",
    "interrupted": "orange",
    "stopped": "grey",
    "finished": "green",
    "diverged": "red",
    "failed": "red",
}
PHASES = {"loading": "Loading the data", "training": "Training", "scoring": "Scoring all splits"}
BUTTONS = {
    "again": "**Queue it again**",
    "end": "**End it now**",
    "resume": "**Watch**, and there **Go on with it**,",
    "longer": "**Watch**, and there **Go on with it**,",
    "forget": "**Remove from the list**",
}
"""What does what `core.training.jobs.COMMANDS` do in a terminal"""


def badge(state: str, text: str = "") -> str:
    """A state as a coloured badge, in Markdown; `text` is our own."""
    return f":{COLOURS.get(state, 'grey')}-badge[{text or state}]"


def state_badge(one: TrainingJob) -> str:
    """The state of a job, with its place in the queue."""
    if one.stopping:
        return badge(one.state, "saving, then it stops")
    if one.position:
        return badge(one.state, f"queued, number {one.position}")
    return badge(one.state)


def progress_text(one: TrainingJob) -> str:
    """How far a job is, in Markdown."""
    status = one.status
    if status is None:
        return "Starting"
    parts = [PHASES.get(status.phase, controls.plain(status.phase))]
    if status.phase == "training":
        parts[0] += f" epoch {status.epoch:,} of {status.epochs:,}"
        if status.steps:
            parts.append(f"step {status.step:,} of {status.steps:,}")
    if status.images_per_second:
        parts.append(f"{status.images_per_second:,.0f} images/s")
    if status.left is not None:
        parts.append(f"about {controls.span(status.left)} left")
    return ", ".join(parts)
