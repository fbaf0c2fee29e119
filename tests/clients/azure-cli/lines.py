"""Reads every line of Azure CLI in the documentation and the samples with Azure CLI's own parser. Nothing is sent."""

import contextlib
import io
import os
import pathlib
import re
import shlex
import sys

from azure.cli.core import get_default_cli
from azure.cli.core.commands import AzCliCommandInvoker

ROOT = pathlib.Path(__file__).resolve().parents[3]


def texts():
    """The shell of pages, pipelines and scripts, with the file's name."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "samples").rglob("*.md"))]
    for page in pages:
        blocks = page.read_text().split("```")[1::2]
        for block in blocks:
            language, _, text = block.partition("\n")
            if language in ("sh", "bash"):
                yield page, text
    for pattern in ("*.sh", "*.yml"):
        for file in sorted((ROOT / "samples").rglob(pattern)):
            yield file, file.read_text()


def commands(text):
    """What stands behind each `az`, as one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return re.findall(r"(?m)(?:^|[\s$(|;&])az ([a-z][^\n]*)", joined)


def words(line):
    """The words of the command, up to where the shell goes on with something else."""
    depth, quote, end = 0, None, len(line)
    for at, mark in enumerate(line):
        if quote:
            quote = None if mark == quote else quote
        elif mark in "'\"":
            quote = mark
        elif mark == "(":
            depth += 1
        elif mark == ")" and depth:
            depth -= 1
        elif mark in ")|;>&" and not depth:
            end = at
            break
    # What the shell takes for itself: the number of a stream, and arguments of the script that have no value here.
    own = re.sub(r"\s\d$", "", line[:end]) if line[end : end + 1] == ">" else line[:end]
    return shlex.split(own.replace('"$@"', ""), comments=True)


def parse_only():
    """Lets Azure CLI stop after it has read the words: no check of values that asks Azure, and no request."""
    # A deletion asks first whether somebody means it, and nobody is there to say so.
    os.environ["AZURE_CORE_DISABLE_CONFIRM_PROMPT"] = "true"
    nothing = lambda *_, **__: None  # noqa: E731
    for name in ("_validation", "_validate_cmd_level", "_validate_arg_level"):
        setattr(AzCliCommandInvoker, name, nothing)
    for name in ("_run_jobs_serially", "_run_jobs_concurrently"):
        setattr(AzCliCommandInvoker, name, lambda *_: ([], []))


def refusal(line):
    """What Azure CLI has against the line; none if nothing."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            # What --query would look at is not there.
            parts = words(line)
            if "--query" in parts:
                at = parts.index("--query")
                del parts[at : at + 2]
            code = get_default_cli().invoke(parts, out_file=io.StringIO())
        except SystemExit as end:
            code = end.code
    return said.getvalue().strip() or "refused" if code else None


def refused():
    """Every line that is refused, with the reason; and how many lines there are."""
    parse_only()
    found = [(path, line) for path, text in texts() for line in commands(text)]
    problems = []
    for path, line in found:
        reason = refusal(line)
        if reason:
            problems.append(f"{path.relative_to(ROOT)}: az {line}: {reason.splitlines()[0]}")
    return problems, len(found)


if __name__ == "__main__":
    PROBLEMS, COUNT = refused()
    print("\n".join(PROBLEMS))
    print(f"{COUNT} lines, {len(PROBLEMS)} refused")
    sys.exit(1 if PROBLEMS else 0)
