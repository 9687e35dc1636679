"""The part of a component's script that lets it go from a reserved height to its own: `takeOwnHeight(root)`."""

from pathlib import Path

SCRIPT = (Path(__file__).parent / "own_height.js").read_text(encoding="utf-8")
