"""Which code trained a model: enough to find it again."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import models

_COMMIT_DIGITS = 12
_DIGEST_DIGITS = 12


@cache
def code_version() -> str:
    """Return the package's version, the digest of the sources that models are made by, and the git commit if known.

    ``0.7.0 models:1f0c3a9be211 git:131721c19f89``. The digest tells two working trees of one commit apart.
    """
    sources = Path(models.__file__).resolve().parent
    commit = commit_of(sources.parent)
    parts = [version("vigie"), f"models:{digest_of(sources)}", *([f"git:{commit}"] if commit else [])]
    return " ".join(parts)


def digest_of(folder: Path) -> str:
    """Return the first digits of the SHA-256 over a folder's Python sources, those of simulation left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith("simulation/"):
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:_DIGEST_DIGITS]


def commit_of(tree: Path) -> str | None:
    """Return the commit that a git working tree stands on, None where it is none (an installed package, an image)."""
    try:
        folder = tree / ".git"
        if folder.is_file():  # a second working tree says where its folder is
            folder = tree / folder.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head[:_COMMIT_DIGITS]
        name = head.removeprefix("ref: ")
        common = folder / "commondir"
        shared = folder / common.read_text(encoding="utf-8").strip() if common.is_file() else folder
        for place in (folder, shared):
            if (place / name).is_file():
                return (place / name).read_text(encoding="utf-8").strip()[:_COMMIT_DIGITS]
        packed = (shared / "packed-refs").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split()[0][:_COMMIT_DIGITS] for line in packed if line.endswith(f" {name}")), None)
