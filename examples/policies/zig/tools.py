"""Puts what `requirements.txt` names into `build/tools`, unless it is there. `zig build` runs it."""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = HERE / "build" / "tools"


def main() -> None:
    wanted = HERE / "requirements.txt"
    stamp = TOOLS / "installed-from"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    venv.create(TOOLS, with_pip=True, clear=True)
    install = [TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*install, "-r", wanted], check=False).returncode != 0:
        sys.exit("pip cannot install what `requirements.txt` names")
    stamp.write_text(wanted.read_text())


if __name__ == "__main__":
    main()
