"""Puts what `requirements.txt` names into `build/tools`, unless it is there. `zig build` runs it."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = HERE / "build" / "tools"


def main() -> None:
    wanted = HERE / "requirements.txt"
    stamp = TOOLS / "installed-from"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    run(sys.executable, "-m", "venv", "--clear", TOOLS)
    run(TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted)
    stamp.write_text(wanted.read_text())


def run(*command: object) -> None:
    words = [str(word) for word in command]
    if subprocess.run(words, check=False).returncode != 0:
        sys.exit(f"`{' '.join(words)}` failed")


if __name__ == "__main__":
    main()
