"""Programs for Node.js that are measured beside ours."""

import contextlib
import os
import shutil
import subprocess

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/bench")
LOCK, SCRIPT = "package-lock.json", "main.js"


def install(sources):
    """The command that runs the program in this folder, whose packages are installed beside a copy of it."""
    folder = os.path.abspath(os.path.join(TOOLS, os.path.basename(sources)))
    os.makedirs(folder, exist_ok=True)
    is_installed = same(os.path.join(sources, LOCK), os.path.join(folder, "node_modules", LOCK))
    for name in ("package.json", LOCK, SCRIPT):
        shutil.copy(os.path.join(sources, name), folder)
    if not is_installed:
        subprocess.run(("npm", "ci", "--silent", "--no-fund", "--no-audit"), check=True, cwd=folder)
        shutil.copy(os.path.join(sources, LOCK), os.path.join(folder, "node_modules"))
    return ("node", os.path.join(folder, SCRIPT))


def same(one, other):
    with contextlib.suppress(OSError), open(one) as first, open(other) as second:
        return first.read() == second.read()
