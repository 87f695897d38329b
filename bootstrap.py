"""Makes .venv from the hash-pinned lock, then runs a command in it; needs nothing but Python."""
# Written so that an old Python can still parse it and say what is wrong.

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
LOCK = os.path.join(ROOT, "requirements", "dev.txt")
VENV = os.path.join(ROOT, ".venv")
INSIDE = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".lock-stamp")
OLDEST, NEWEST = (3, 11), (3, 14)
TOO_OLD = """This needs Python 3.11 to 3.14; found only %s.
On Debian or Ubuntu: apt-get install python3 python3-venv"""


def suitable(version):
    return OLDEST <= tuple(version[:2]) <= NEWEST


def find_python():
    """The running interpreter when it is new enough, else one on PATH, else None."""
    if suitable(sys.version_info):
        # Not that of an activated .venv, which is about to be removed.
        return getattr(sys, "_base_executable", sys.executable)
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)
        # A version manager's shim is on PATH whether or not that version is switched on.
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return found
    return None


def stamp():
    """What the environment is made of: the lock, and the interpreter that answers in it."""
    try:
        answer = subprocess.check_output([INSIDE, "-c", "import sys; print(sys.version)"])
    except (OSError, subprocess.CalledProcessError):
        return ""
    with open(LOCK, "rb") as file:
        return hashlib.sha256(file.read() + answer).hexdigest()


def is_fresh():
    try:
        with open(STAMP) as file:
            return file.read() == stamp()
    except OSError:
        return False


def install(python):
    """Build the environment from nothing; True when every step succeeded."""
    shutil.rmtree(VENV, ignore_errors=True)
    steps = (
        [python, "-m", "venv", VENV],
        # Twice quiet: the errors, not a warning for every package about a configured mirror.
        [INSIDE, "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
        + "--require-hashes --no-deps --only-binary :all: -r".split()
        + [LOCK],
    )
    return all(subprocess.call(step) == 0 for step in steps)


def make(python):
    say("Making .venv from requirements/dev.txt with %s (once, half a minute)" % python)
    # Once more, because what fails here is most often the network.
    if not (install(python) or install(python)):
        sys.exit(
            "Could not make .venv: the lines above say why. Without the venv module:"
            " apt-get install python3-venv. Without a network: set pip's index or find-links."
        )
    # Only now: an interrupted install has no stamp and is made again.
    with open(STAMP, "w") as file:
        file.write(stamp())


def say(text):
    sys.stderr.write(text + "\n")


def main(command):
    """bootstrap.py [COMMAND …]: the command runs in the environment, in place of this process."""
    if not is_fresh():
        python = find_python()
        if python is None:
            sys.exit(TOO_OLD % sys.version.split()[0])
        make(python)
    if command:
        os.environ["PATH"] = os.path.dirname(INSIDE) + os.pathsep + os.environ["PATH"]
        os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
