"""The scripts that meet a bare machine: what they can do without, and the one line they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVERYWHERE = ["cat", "dirname", "id", "ln", "mkdir", "rm", "sh", "tail"]

BARE_PYTHON = f"""\
#!/bin/sh
case "$*" in
*"import pip"* | *"import ensurepip"*) exit 1 ;;
*"print(sys.executable)"*) echo "$0"; exit ;;
esac
exec {sys.executable} "$@"
"""


class Machine:
    """A clone on a machine that has only the programs it is given."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in EVERYWHERE:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        shutil.copytree(ROOT / "tools", self.clone / "tools")
        shutil.copytree(ROOT / "requirements", self.clone / "requirements")

    def has(self, program: str, script: str) -> None:
        path = self.bin / program
        path.unlink(missing_ok=True)  # or a link would lead the writing to the real program
        path.write_text(script)
        path.chmod(0o755)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(self.clone / "tools" / script)],
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_no_python_is_said_in_one_line(machine: Machine) -> None:
    result = machine.run("bootstrap.sh")
    assert result.returncode == 1
    assert re.fullmatch(r"conduit: no Python 3\.11 or newer found; .*\n", result.stderr)


def test_an_old_python_counts_as_none(machine: Machine) -> None:
    machine.has("python3", "#!/bin/sh\nexit 1\n")
    assert "no Python 3.11" in machine.run("bootstrap.sh").stderr


def test_a_python_without_pip_and_venv_says_what_to_install(machine: Machine) -> None:
    machine.has("python3", BARE_PYTHON)
    result = machine.run("bootstrap.sh")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "conduit: this Python has neither pip nor venv; run: sudo apt-get install python3-venv"
    )


def test_a_password_is_never_asked_for(machine: Machine) -> None:
    machine.has("python3", BARE_PYTHON)
    machine.has("apt-get", "#!/bin/sh\necho installed >>$0.log\n")
    machine.has("id", "#!/bin/sh\necho 1000\n")
    machine.has("sudo", '#!/bin/sh\necho "$*" >>$0.log\n[ "$1" = -n ] && exit 1\nexit 0\n')
    assert machine.run("bootstrap.sh").returncode == 1
    assert machine.run("programs.sh").returncode == 0
    assert set((machine.bin / "sudo.log").read_text().splitlines()) == {"-n true"}
    assert not (machine.bin / "apt-get.log").exists()


def test_missing_programs_do_not_stop_the_tests(machine: Machine) -> None:
    machine.has("chromium", "#!/bin/sh\n")
    result = machine.run("programs.sh")
    assert result.returncode == 0
    assert result.stdout == (
        "conduit: without curl some tests skip; to have them all: sudo apt-get install curl\n"
    )


def test_every_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z]+):.*## \w", makefile, re.MULTILINE))
    assert targets - explained == {"programs"}


@pytest.mark.parametrize("script", ["bootstrap.sh", "lock.sh", "programs.sh"])
def test_scripts_keep_to_the_plain_shell(script: str) -> None:
    text = (ROOT / "tools" / script).read_text()
    assert text.startswith("#!/bin/sh\n")
    assert not re.search(r"\[\[|\bfunction \w|\blocal \w|<<<|\$'|&>", text)
    subprocess.run(["sh", "-n", str(ROOT / "tools" / script)], check=True)
