"""The command line: every command explains itself, options and document agree with the configuration."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from tests.servers import ROOT, build_environment, build_zajil_command, build_zajil_env
from typer.testing import CliRunner

from zajil.main.cli_app import app
from zajil.main.config_document import build_document
from zajil.main.config_file import argument_name, option_fields

NOT_YET_USED = {"web_push_subject"}
ROOT_COMMAND = typer.main.get_command(app)


def list_commands(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [path]
    return [path, *(each for name, child in children.items() for each in list_commands(child, (*path, name)))]


def run_zajil(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **build_zajil_env(), "COLUMNS": "200", **environment}
    return subprocess.run(
        build_zajil_command(*arguments), cwd=folder, env=variables, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("path", list_commands(ROOT_COMMAND), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    command = ROOT_COMMAND
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{path}: {parameter.name} has no help"


def test_serve_has_every_option() -> None:
    serve = ROOT_COMMAND.commands["serve"]  # type: ignore[attr-defined]
    declared = {option for parameter in serve.params for option in parameter.opts}
    assert declared == {*map(argument_name, option_fields()), "--config"}


def test_every_option_is_used() -> None:
    declaring = ("config_file.py", "config_document.py", "configuration.py")
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name not in declaring)
    assert {name for name in option_fields() if f".{name}" not in source} <= NOT_YET_USED


def test_document_is_in_step() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text()
    assert written == build_document(), "run: python -m zajil.main.config_document > docs/configuration.md"


def test_config_show_says_where_values_come_from_and_hides_secrets(tmp_path: Path) -> None:
    (tmp_path / "zajil.toml").write_text('registration_shared_secret = "hunter2hunter2"\nserver_name = "a.example"\n')
    shown = run_zajil("config", "show", "--bind", "127.0.0.1:1", folder=tmp_path, ZAJIL_PRESENCE="off")
    assert shown.returncode == 0, shown.stderr
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines() if line.split()}
    assert rows["server_name"] == ["a.example", "zajil.toml"]
    assert rows["bind"] == ["127.0.0.1:1", "--bind"]
    assert rows["presence"] == ["off", "ZAJIL_PRESENCE"]
    assert rows["registration"] == ["token", "default"]
    assert rows["registration_shared_secret"][1] == "zajil.toml"
    assert "hunter2" not in shown.stdout


def test_config_check(tmp_path: Path) -> None:
    assert run_zajil("config", "check", folder=tmp_path).returncode == 0
    (tmp_path / "zajil.toml").write_text('sever_name = "a.example"\n')
    refused = run_zajil("config", "check", folder=tmp_path)
    assert refused.returncode == 2
    assert "'server_name'" in refused.stderr


def test_version(tmp_path: Path) -> None:
    assert run_zajil("version", folder=tmp_path).stdout.startswith("zajil ")


def test_doctor_says_what_to_fix(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    sound = run_zajil("doctor", "--bind", "127.0.0.1:0", folder=tmp_path)
    assert sound.returncode == 0, sound.stdout
    assert "FIX" not in sound.stdout
    data.chmod(0o755)
    (data / "zajil.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    sick = run_zajil("doctor", "--bind", "192.0.2.1:1", "--registration-shared-secret", "short", folder=tmp_path)
    assert sick.returncode == 1
    for said in ("chmod 700", "is damaged", "192.0.2.1:1: ", "registration_shared_secret is shorter", "without TLS"):
        assert said in sick.stdout, said


@pytest.mark.parametrize("command", [("user", "list"), ("token", "list"), ("report", "list")])
def test_a_folder_without_a_server_stays_empty(tmp_path: Path, command: tuple[str, ...]) -> None:
    refused = run_zajil(*command, "--data", str(tmp_path / "elsewhere"), folder=tmp_path)
    assert refused.returncode == 1
    assert "there is no server in the data folder" in refused.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_reload_without_a_server(tmp_path: Path) -> None:
    refused = run_zajil("reload", folder=tmp_path)
    assert refused.returncode == 1
    assert "no server is running" in refused.stderr


def test_leaving_does_not_take_the_interpreter_apart() -> None:
    """Threads of native libraries abort a process in which that happens: one backup in ten, on a busy machine."""
    ending = "import atexit; atexit.register(print, 'taken apart'); from zajil.main.leave import leave; print('told'); leave({})"
    for code, expected in (("0", 0), ("None", 0), ("3", 3), ("'why'", 1)):
        done = subprocess.run(
            [sys.executable, "-c", ending.format(code)],
            env=build_environment(build_zajil_env()),
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (expected, "told\n"), done.stderr
        assert done.stderr == ("why\n" if expected == 1 else "")
