"""What a server is not told of how its clients train, and an attack has to know."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import BadInputError
from .._losses import loss_options
from .._run import run
from ._folder import Capture, Member

#: What has to be told, with an example each; of those with a bar one.
_NEEDED = {
    "optimizer": 'optimizer="sgd"',
    "learning_rate": "learning_rate=0.01",
    "epochs|local_steps": "epochs=1",
    "mini_batch": "mini_batch=32",
    "loss": 'loss="cross-entropy"',
}


def told(options: Mapping[str, Any], framework: str, sent: Sequence[str] = ()) -> dict[str, Any]:
    """Options of the program that say how clients train, checked for what is missing.

    Args:
        options: by the names of the program's options, such as ``learning_rate``; ``mini_batch``
            may be None, for all of a client's examples at once.
        framework: whose clients they are.
        sent: what the framework sends, which need not be told.

    Raises:
        BadInputError: something is missing, with all of it in one sentence.
    """
    if options.get("find_scale"):
        sent = [*sent, "learning_rate"]
    missing = [
        example
        for names, example in _NEEDED.items()
        if not any(name in options or name in sent for name in names.split("|"))
    ]
    if missing:
        raise BadInputError(
            f"{framework} does not send how clients train; say it as the clients have it, "
            f"such as {', '.join(missing)}."
        )
    if options.get("epochs") is not None and options.get("local_steps") is not None:
        raise BadInputError("epochs= and local_steps= exclude each other; leave one out.")
    for name in ("epochs", "local_steps", "mini_batch"):
        number = options.get(name)
        if number is not None and (not isinstance(number, int) or number < 1):
            raise BadInputError(f"{name}= is {number!r}; give a whole number from 1 on.")
    return {**options, **loss_options(options["loss"])}


def options_of(capture: Capture, options: Mapping[str, Any]) -> dict[str, Any]:
    """The program's options for one client's update, or for a mean of several.

    A client's own number of examples is its batch, and its own number of steps that of its steps,
    where the options do not say otherwise. What ``batch_size`` is by client is picked.

    Raises:
        BadInputError: nobody says how many examples there were, or a mean is of clients that weigh
            unequally and did more than one step.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    if capture.kind == "gradient":
        chosen.setdefault("batch_size", capture.examples or 1)
        return chosen
    if capture.kind == "difference":
        chosen["update_kind"] = "difference"
    if capture.steps is not None and "epochs" not in chosen:
        chosen.setdefault("local_steps", capture.steps)
    if "epochs" not in chosen and "local_steps" not in chosen:
        raise BadInputError(
            f"Client {capture.client} does not say how many steps it took; say it with epochs=."
        )
    stated = chosen.pop("batch_size", None)
    sizes = [_examples(of, stated) for of in capture.members or (capture,)]
    examples = sizes[0]
    if len(set(sizes)) > 1:
        if not _is_a_step_on_all(chosen, max(sizes)):
            raise BadInputError(
                f"The clients of {capture.client} trained on {', '.join(map(str, sizes))} examples, by "
                "which their mean weighs them; only a single step of SGD can be read from such a mean."
            )
        # Weighted by their examples, means of gradients are the gradient of all examples' mean.
        examples = sum(sizes)
        chosen.pop("mini_batch", None)
    elif capture.members:
        chosen["clients"] = len(sizes)
    size, steps = chosen.get("mini_batch"), chosen.get("local_steps")
    if size is not None and steps is not None:
        # A client that stops after some steps has seen no more.
        examples = min(examples, size * steps * chosen.get("accumulate", 1))
    if size is not None and size >= examples:
        del chosen["mini_batch"]
    if chosen.get("find_scale"):
        # Found for one plain step, which is what the program takes where nothing is said of steps.
        if chosen.get("epochs", chosen.get("local_steps")) == 1 and "mini_batch" not in chosen:
            chosen = {k: v for k, v in chosen.items() if k not in ("epochs", "local_steps")}
        chosen.pop("learning_rate", None)
    return {**chosen, "batch_size": examples}


def _is_a_step_on_all(options: Mapping[str, Any], largest: int) -> bool:
    """Whether each client takes one step along the mean gradient of all its examples, unchanged.

    Args:
        options: of the program.
        largest: the most examples of a client.
    """
    is_plain = options.get("optimizer", "sgd") == "sgd" and options.get("reduction") != "sum"
    is_whole = options.get("mini_batch", largest) >= largest
    is_clipped = "clip_norm" in options or "clip_value" in options
    steps = options.get("epochs", options.get("local_steps"))
    return is_plain and is_whole and not is_clipped and steps == 1


def _examples(capture: Capture | Member, stated: Any) -> int:
    number: Any | None = stated
    if isinstance(stated, Mapping):
        number = stated.get(capture.client)
    if number is None:
        number = capture.examples
    if number is None or int(number) < 1:
        raise BadInputError(
            f"Client {capture.client} does not say on how many examples it trained; say it with batch_size=."
        )
    return int(number)


def is_chosen_client(name: str, clients: Any) -> bool:
    """Whether a client may be captured.

    Args:
        clients: None for all, a number for the first so many, or their names or numbers.
    """
    return (
        clients is None or isinstance(clients, int) or name in {str(client) for client in clients}
    )


def check_names(options: Mapping[str, Any]) -> None:
    """Refuses an option that the program does not have, before a training is run for nothing.

    Raises:
        BadInputError: with the nearest right spelling.
        ProgramMissingError: there is no program.
    """
    known = known_options()
    for name in options:
        if name.replace("_", "-") not in known:
            near = difflib.get_close_matches(name, [k.replace("-", "_") for k in known], 1)
            hint = f"did you mean {near[0]}=?" if near else "'gradleak help audit' lists them."
            raise BadInputError(f"{name}= is no option of an audit; {hint}")


@functools.cache
def known_options() -> frozenset[str]:
    """The names of the options of ``gradleak audit``, such as ``learning-rate``."""
    described = json.loads(run("audit", "--experimental-dump-help", quiet=True).stdout)
    return frozenset(
        name["name"]
        for argument in described["command"]["arguments"]
        for name in argument.get("names", [])
        if name["kind"] == "long"
    )
