"""How notebooks show a result: the verdict, then each private picture beside what came back."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._records import ImageResult
    from ._results import Result

#: Pictures that are shown at most.
LIMIT = 32

_CELL = 'style="padding: 4px 10px; text-align: left; vertical-align: middle"'


def page_part(result: Result) -> str:
    """HTML with pictures inline, in which everything that comes from outside is escaped."""
    parts = [
        f"<div><strong>{escape(_title(result))}</strong>",
        *(f"<p>{escape(sentence)}</p>" for sentence in result.record["verdict"]),
        _pictures(result.images[:LIMIT]) if result.images else "",
        _texts(result) if result.texts else "",
    ]
    if len(result.images) > LIMIT:
        parts.append(f"<p>{len(result.images) - LIMIT} more are in .images.</p>")
    defences = result.record.get("defences", [])
    if defences:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in defences)
        parts.append(f"<p>Defences, against attacks that know of them:</p><ul>{items}</ul>")
    return "\n".join(part for part in parts if part) + "</div>"


def _title(result: Result) -> str:
    grade = result.grade
    name = "Not shown" if grade == "not shown" else f"Grade {grade}"
    passed = getattr(result, "passed", None)
    end = "" if passed is None else ", passed" if passed else ", not passed"
    return f"{name}{end}: {result.record['gradeDefinition']}"


def _pictures(images: tuple[ImageResult, ...]) -> str:
    heads = ("image", "private", "came back", "PSNR", "a grey picture", "label")
    rows = ["<tr>" + "".join(f"<th {_CELL}>{head}</th>" for head in heads) + "</tr>"]
    for image in images:
        cells = [
            escape(image.name),
            _picture(image.original_path, f"{image.name}, private"),
            _picture(image.picture_path, f"{image.name}, as it came back"),
            _decibels(image.psnr),
            _decibels(image.grey_image_psnr),
            escape(_label(image)),
        ]
        rows.append("<tr>" + "".join(f"<td {_CELL}>{cell}</td>" for cell in cells) + "</tr>")
    return "<table>" + "".join(rows) + "</table>"


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} dB"


def _label(image: ImageResult) -> str:
    if image.is_label_given:
        return "given"
    recovered = image.recovered_target or image.recovered_label
    true = image.true_target or image.true_label
    end = "" if true is None else ", right" if recovered == true else f", and was {true}"
    return "" if recovered is None else f"{recovered}{end}"


def _picture(path: Path | None, words: str) -> str:
    if path is None or not path.exists():
        return "not known"
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{data}" alt="{escape(words)}" '
        'style="height: 96px; image-rendering: pixelated">'
    )


def _texts(result: Result) -> str:
    rows: list[str] = [f"<tr><th {_CELL}>private</th><th {_CELL}>came back</th></tr>"]
    for text in result.texts[:LIMIT]:
        cells = (escape(text.original or "not known"), escape(text.recovered))
        rows.append("<tr>" + "".join(f"<td {_CELL}>{cell}</td>" for cell in cells) + "</tr>")
    return "<table>" + "".join(rows) + "</table>"
