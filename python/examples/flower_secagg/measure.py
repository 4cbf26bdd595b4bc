"""How near to the photographs an attacker comes, which only who has the originals can tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy

import gradleak
import gradleak.rounds

from .task import LEARNING_RATE, pixels


def measured(folder: Path, photographs: Sequence[Path]) -> str:
    """A table: for each round and photograph the PSNR of the nearest picture that came back.

    Args:
        folder: of captures.
        photographs: the clients', one each.
    """
    nearest: dict[tuple[int, Path], float] = {}
    for capture in gradleak.rounds.RoundsFolder(folder).captures():
        found = gradleak.reconstruct(
            folder / "model.onnx",
            before=capture.before,
            after=capture.after,
            learning_rate=LEARNING_RATE,
            loss="cross-entropy",
            clients=max(len(capture.members), 1),
            # Takes an update as it is, rounded or not.
            attack="lm",
            time_limit=20,
            quiet=True,
        )
        for photograph in photographs:
            original = pixels(photograph)
            errors = [((image.array - original) ** 2).mean() for image in found.images]
            psnr = -10 * numpy.log10(min(errors))
            key = (capture.round, photograph)
            nearest[key] = max(psnr, nearest.get(key, psnr))
    lines = [f"round  {'photograph':15}  nearest picture"]
    for (number, photograph), psnr in sorted(nearest.items()):
        name = photograph.stem.removesuffix("-original")
        lines.append(f"{number:<5}  {name:15}  {psnr:.1f} dB")
    return "\n".join(lines)
