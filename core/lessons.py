"""Three lessons over bundled runs: a question, and the runs that answer it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One run of a lesson, and what it stands for there."""

    run: str
    title: str


@dataclass(frozen=True)
class Lesson:
    """A question, and the runs that answer it."""

    name: str
    title: str
    question: str
    cases: tuple[Case, ...]


LESSONS: dict[str, Lesson] = {
    row.name: row
    for row in (
        Lesson(
            "codes",
            "How large a code?",
            "What do a code of 2, 16 and 100 numbers, and a penalty on the weights, do to the error on images "
            "that were trained on, and on fresh ones?",
            (
                Case("bundled-digits-ae", "2 numbers"),
                Case("bundled-digits-ae-16d", "16 numbers"),
                Case("bundled-digits-ae-100d", "100 numbers"),
                Case("bundled-digits-ae-2d-l2", "2 numbers, penalty"),
                Case("bundled-digits-ae-16d-l2", "16 numbers, penalty"),
                Case("bundled-digits-ae-100d-l2", "100 numbers, penalty"),
            ),
        ),
        Lesson(
            "holes",
            "Where are the holes?",
            "If a place in the plane is chosen by chance, does it decode to something like the data?",
            (
                Case("bundled-digits-ae", "Autoencoder"),
                Case("bundled-digits-beta-0", "VAE, beta 0"),
                Case("bundled-digits-beta-1", "VAE, beta 1"),
            ),
        ),
        Lesson(
            "blur",
            "What helps against blur?",
            "Samples of a VAE are blurred. What do a further term, a deeper network and a discriminator change?",
            (
                Case("bundled-digits-conv-vae", "Baseline"),
                Case("bundled-digits-conv-vae-mmd", "MMD"),
                Case("bundled-digits-conv-vae-deep", "Deeper"),
                Case("bundled-digits-vaegan", "VAE-GAN"),
            ),
        ),
    )
}
