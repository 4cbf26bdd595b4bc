"""Folders of captured updates: what is refused, and what is not overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

import gradleak
import gradleak.rounds
from gradleak.rounds._captures import add_capture
from gradleak.rounds._training import options_of

torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")


@pytest.fixture
def folder(tmp_path, net, batch):
    """A folder with a gradient of two clients, whose names are nearly one."""
    made = gradleak.rounds.RoundsFolder(tmp_path / "audit")
    made.create({"framework": "none", "options": {"loss": "cross-entropy"}})
    torch.nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
    before = made.write_tensors(1, "global", net.state_dict())
    shared = {name: p.grad for name, p in net.named_parameters()}
    for client in ("a/b", "a_b"):
        add_capture(made, 1, client, "gradient", shared, before=before, examples=1)
    return made


def test_clients_with_nearly_one_name(folder, net):
    assert [c.client for c in folder.captures()] == ["a/b", "a_b"]
    audits = gradleak.rounds.audits(folder.path, model=net, input_shape=(1, 8, 8))
    assert len(audits.leaked) == 2
    assert audits[:1][0] is audits[0]


def test_several_at_a_time_wait_for_each_other(folder, net):
    found = []

    def audit():
        found.append(gradleak.rounds.audits(folder.path, model=net, input_shape=(1, 8, 8)))

    threads = [threading.Thread(target=audit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and all(len(audits.leaked) == 2 for audits in found)


def test_in_a_shell(folder, net, tmp_path):
    def shell(*arguments):
        words = [sys.executable, "-m", "gradleak.rounds", *map(str, arguments)]
        return subprocess.run(words, check=False, capture_output=True, text=True)

    printed = shell(folder.path).stdout
    assert printed.count("not audited: Nobody said which model is trained") == 2
    gradleak.rounds.audits(folder.path, again=True, model=net, input_shape=(1, 8, 8))
    assert shell(folder.path).stdout.count("F: 1 of 1 in full (recovered)") == 2
    failed = shell(tmp_path / "nothing")
    assert failed.returncode == 2 and "holds no captured updates" in failed.stderr


def test_damaged_files_are_refused(folder):
    (folder.path / "settings.json").write_text("{")
    with pytest.raises(gradleak.BadInputError, match="is no JSON"):
        folder.settings  # noqa: B018
    file = next((folder.path / "round-1").glob("client-a_b.json"))
    file.write_text(json.dumps({"round": 1}))
    with pytest.raises(gradleak.BadInputError, match="client-a_b.json' is no captured update"):
        gradleak.rounds.audits(folder.path)


def test_in_the_background_others_come_first(folder, tmp_path):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nnice > {tmp_path}/niceness\nexit 2\n")
    program.chmod(0o700)
    folder.write_settings({"model": "lenet", "options": {}})
    subprocess.run(
        [sys.executable, "-m", "gradleak.rounds", str(folder.path), "--background"],
        check=True,
        env={**os.environ, "GRADLEAK": str(program)},
        capture_output=True,
    )
    assert (tmp_path / "niceness").read_text().strip() == "19"


def test_files_elsewhere_are_not_read(folder):
    file = next((folder.path / "round-1").glob("client-a_b.json"))
    entry = json.loads(file.read_text())
    file.write_text(json.dumps({**entry, "after": "../../../etc/passwd"}))
    assert folder.captures()[1].after == folder.path / "round-1" / "passwd"


@pytest.mark.parametrize(
    "told, examples, steps, expected",
    [
        ({"epochs": 2, "mini_batch": 32}, 8, None, {"epochs": 2, "batch_size": 8}),
        ({"epochs": 2, "mini_batch": 4}, 8, None, {"epochs": 2, "mini_batch": 4, "batch_size": 8}),
        ({"epochs": 1, "mini_batch": None}, 8, None, {"epochs": 1, "batch_size": 8}),
        ({"mini_batch": 4}, 8, 6, {"local_steps": 6, "mini_batch": 4, "batch_size": 8}),
        # One step of a client with many examples saw one mini-batch.
        ({"local_steps": 1, "mini_batch": 4}, 1000, None, {"local_steps": 1, "batch_size": 4}),
        ({"epochs": 1, "batch_size": {"7": 3}}, None, None, {"epochs": 1, "batch_size": 3}),
        ({"epochs": 1, "find_scale": True}, 1, None, {"find_scale": True, "batch_size": 1}),
    ],
)
def test_what_the_program_is_told(tmp_path, told, examples, steps, expected):
    capture = gradleak.rounds.Capture(
        1, "7", tmp_path, "weights", tmp_path / "a", tmp_path / "b", examples, steps
    )
    assert options_of(capture, told) == expected


def mean(tmp_path, *examples):
    members = tuple(gradleak.rounds.Member(str(i), count) for i, count in enumerate(examples))
    files = (tmp_path, "weights", tmp_path / "a", tmp_path / "b")
    return gradleak.rounds.Capture(1, "mean-of-3", *files, members=members)


@pytest.mark.parametrize(
    "told, examples, expected",
    [
        ({"epochs": 2, "mini_batch": 4}, (8, 8), {"clients": 2, "batch_size": 8, "mini_batch": 4}),
        ({"epochs": 1, "mini_batch": 8}, (8, 8), {"clients": 2, "batch_size": 8}),
        ({"epochs": 2, "batch_size": 3}, (None, None), {"clients": 2, "batch_size": 3}),
        ({"epochs": 2, "batch_size": {"0": 4}}, (None, 4), {"clients": 2, "batch_size": 4}),
        # One step of SGD each: as if all examples were one client's.
        ({"epochs": 1, "mini_batch": None}, (1, 2, 4), {"batch_size": 7}),
        ({"local_steps": 1, "mini_batch": 4}, (1, 2, 4), {"batch_size": 7}),
    ],
)
def test_what_the_program_is_told_of_a_mean(tmp_path, told, examples, expected):
    found = options_of(mean(tmp_path, *examples), told)
    assert {k: v for k, v in found.items() if k not in ("epochs", "local_steps")} == expected


@pytest.mark.parametrize(
    "told",
    [
        {"epochs": 2},
        {"epochs": 1, "mini_batch": 2},
        {"epochs": 1, "optimizer": "adam"},
        {"epochs": 1, "clip_norm": 1.0},
        {"epochs": 1, "reduction": "sum"},
    ],
)
def test_means_of_unequal_clients_are_refused_where_they_are_no_gradient(tmp_path, told):
    with pytest.raises(gradleak.BadInputError, match="trained on 1, 2, 4 examples, by which"):
        options_of(mean(tmp_path, 1, 2, 4), told)


def test_a_mean_of_clients_of_whom_one_says_nothing(tmp_path):
    with pytest.raises(gradleak.BadInputError, match="Client 1 does not say on how many"):
        options_of(mean(tmp_path, 1, None, 4), {"epochs": 1})
