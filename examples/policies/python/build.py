"""Builds the policy: `python3 build.py`. Puts its tools into `build/tools` when they change."""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = HERE / "build" / "tools"


def main() -> None:
    install()
    wasm = HERE / "build" / "house-rules.wasm"
    run("componentize-py", "-d", "wit", "-w", "house-rules", "componentize", "app", "-o", wasm)


def install() -> None:
    wanted = (HERE / "requirements.txt").read_text()
    stamp = TOOLS / "installed-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    venv.create(TOOLS, with_pip=True, clear=True)
    run("pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt")
    # The types of `wit_world`, for editors and type checkers.
    run("componentize-py", "-d", "wit", "-w", "house-rules", "bindings", "build/types")
    stamp.write_text(wanted)


def run(tool: str, *arguments: object) -> None:
    command = [str(TOOLS / "bin" / tool), *map(str, arguments)]
    ended = subprocess.run(command, cwd=HERE, check=False)
    if ended.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed")


if __name__ == "__main__":
    main()
