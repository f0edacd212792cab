"""Builds the guest: `python3 build.py`. The tools and the component go to the repository's target/.

The component is built only if something it is made of has changed since.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
FOLDER = TARGET / "python-guests"
TOOLS = FOLDER / "tools"
COMPONENT = FOLDER / "looks_around.wasm"


def main() -> None:
    wanted = (HERE / "requirements.txt").read_text()
    install(wanted)
    made_of = [*HERE.glob("*.py"), HERE / "requirements.txt", *HERE.glob("wit/**/*.wit")]
    made_of += HERE.glob("wit/deps/*/*.wit")
    latest = max(file.stat().st_mtime for file in made_of)
    if COMPONENT.exists() and COMPONENT.stat().st_mtime > latest:
        return
    unfinished = COMPONENT.with_suffix(".part")
    run("componentize-py", "-d", "wit", "-w", "guest", "componentize", "app", "-o", unfinished)
    unfinished.rename(COMPONENT)


def install(wanted: str) -> None:
    stamp = TOOLS / "installed-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    venv.create(TOOLS, with_pip=True, clear=True)
    run("pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt")
    stamp.write_text(wanted)


def run(tool: str, *arguments: object) -> None:
    command = [str(TOOLS / "bin" / tool), *map(str, arguments)]
    ended = subprocess.run(command, cwd=HERE, check=False)
    if ended.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed")


if __name__ == "__main__":
    main()
