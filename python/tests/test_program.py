"""The program is found, run, and heard."""

import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from pathlib import Path

import pytest

import gradleak


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_the_environment_comes_first(monkeypatch, tmp_path):
    mine = script(tmp_path / "mine", "exit 0")
    monkeypatch.setenv("GRADLEAK", str(mine))
    assert gradleak.find_program() == str(mine)


def test_scripts_of_pip_come_before_the_path(monkeypatch, tmp_path):
    installed = script(tmp_path / "scripts" / "gradleak", "exit 0")
    other = script(tmp_path / "path" / "gradleak", "exit 0")
    monkeypatch.delenv("GRADLEAK", raising=False)
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.setattr(sysconfig, "get_path", lambda *a, **k: str(installed.parent))
    assert gradleak.find_program() == str(installed)
    monkeypatch.setattr(sysconfig, "get_path", lambda *a, **k: str(tmp_path / "none"))
    assert gradleak.find_program() == str(other)


def test_a_missing_program_says_how_to_mend_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, "get_path", lambda *a, **k: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GRADLEAK", raising=False)
    with pytest.raises(gradleak.ProgramMissingError, match="pip install --force-reinstall"):
        gradleak.run("--version")
    monkeypatch.setenv("GRADLEAK", str(tmp_path / "nothing"))
    with pytest.raises(gradleak.ProgramMissingError, match="nothing"):
        gradleak.run("--version")


def test_python_m_is_the_program():
    printed = subprocess.run(
        [sys.executable, "-m", "gradleak", "--version"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert printed.stdout.strip() == gradleak.run("--version").stdout.strip()


def test_an_error_is_the_programs_sentence():
    with pytest.raises(gradleak.BadInputError) as caught:
        gradleak.run("reconstruct", "no-such-file.png")
    error = caught.value
    assert "no-such-file.png" in str(error)
    assert error.status == 2
    assert error.stderr.startswith("gradleak: ")
    assert error.arguments == ("reconstruct", "no-such-file.png")
    assert isinstance(error, ValueError)


def test_unknown_options_are_named_with_their_nearest_spelling():
    with pytest.raises(gradleak.BadInputError, match="'learning_rate='"):
        gradleak.reconstruct("lenet", "coffee", learning_rat=0.1)


def test_a_killed_program_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADLEAK", str(script(tmp_path / "gradleak", "kill -9 $$")))
    with pytest.raises(gradleak.ProgramStoppedError, match="SIGKILL"):
        gradleak.run("demo")


LONG = textwrap.dedent(
    """
    import gradleak, sys
    print("begin", flush=True)
    try:
        gradleak.reconstruct("resnet20", "coffee", attack="dlg", trials=1, iterations=100000, out=sys.argv[1])
    except gradleak.Interrupted as interrupted:
        print("kept", interrupted.result.images[0].name, interrupted.result.runs[0].trials[0].reason)
    """
)


def test_ctrl_c_reaches_the_program_and_what_it_had_is_kept(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", LONG, str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "begin"
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert printed.strip() == "kept coffee interrupted", said
    assert (tmp_path / "out" / "run.json").exists()


def test_progress_is_shown_in_a_terminal_and_kept_out_of_errors(tmp_path):
    """A terminal sees what the program draws; the error holds its sentences alone."""
    code = textwrap.dedent(
        """
        import gradleak, sys
        try:
            gradleak.run("--bad", quiet=sys.argv[1] == "quiet")
        except gradleak.GradleakError as error:
            print("RC", error.status, repr(error.stderr))
        """
    )
    program = script(
        tmp_path / "gradleak",
        "printf '\\r\\033[K10 %%\\r\\033[K90 %%\\r\\033[K' >&2\necho 'gradleak: no good.' >&2\nexit 2\n",
    )
    shown = {}
    for how in ("shown", "quiet"):
        own, other = os.openpty()
        done = subprocess.run(
            [sys.executable, "-c", code, how],
            stdout=subprocess.PIPE,
            stderr=other,
            check=True,
            env={**os.environ, "GRADLEAK": str(program), "TERM": "xterm"},
        )
        os.close(other)
        shown[how] = b""
        try:
            while part := os.read(own, 65536):
                shown[how] += part
        except OSError:
            pass
        os.close(own)
        assert done.stdout.decode().strip() == "RC 2 'gradleak: no good.\\n'"
    assert b"90 %" in shown["shown"]
    assert b"no good" not in shown["shown"]
    assert b"90 %" not in shown["quiet"]


def test_private_folders_are_private_and_go(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", None)
    result = gradleak.reconstruct("lenet", "coffee", size=16)
    (folder,) = [p for p in tmp_path.iterdir() if p.name.startswith("gradleak-")]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert result.images[0].picture_path.exists()
    kept = result.save(tmp_path / "kept")
    assert kept.stat().st_mode & 0o777 == 0o700
    del result
    assert not folder.exists()
    assert gradleak.read(kept).grade == "F"
    assert Path(kept, "run.json").exists()


def test_what_a_killed_process_left_is_removed(tmp_path, monkeypatch):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    code = (
        "import os, signal; from gradleak._workspace import Workspace; w = Workspace(); "
        "(w.path / 'private').touch(); {}"
    )
    for end in ("os.kill(os.getpid(), signal.SIGKILL)", "print(len(os.listdir(w.path.parent)))"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(end)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stdout.strip() == "1"
    assert not list(tmp_path.iterdir())


def test_folders_of_the_living_stay(tmp_path, monkeypatch):
    import tempfile

    from gradleak._workspace import Workspace

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Workspace() as first, Workspace() as second:
        assert first.path.exists()
        assert second.path.exists()
    assert not list(tmp_path.iterdir())
