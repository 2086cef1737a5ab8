"""Metadata that depends on where the repository is: project URLs, and a README with absolute links.

The address is taken from the environment of GitHub Actions or from the git remote ``origin``, and is written nowhere
else. Without one, links stay relative and there are no project URLs.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent


def repository_url(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the address of the repository on the web, or None if it is on no server."""
    if repository := environment.get("GITHUB_REPOSITORY"):
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
    if not (root / ".git").exists():  # a source distribution, perhaps unpacked inside another repository
        return None
    try:
        done = subprocess.run(
            ["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    remote = re.fullmatch(
        r"(?:https://|ssh://git@|git@)(?:[^@/]+@)?([\w.-]+\.[a-z]+)(?::\d+)?[:/](.+?)(?:\.git)?/?",
        done.stdout.strip(),
    )
    return f"https://{remote[1]}/{remote[2]}" if remote else None


def revision(environment: Mapping[str, str] = os.environ) -> str:
    """Return the tag that is being built, or HEAD."""
    return (
        environment.get("GITHUB_REF_NAME", "HEAD") if environment.get("GITHUB_REF_TYPE") == "tag" else "HEAD"
    )


def absolute_links(text: str, url: str, revision: str) -> str:
    """Return Markdown whose relative links and pictures lead to the repository."""

    def link(match: re.Match[str]) -> str:
        kind = "raw" if re.search(r"\.(png|svg|gif|webp)$", match[2]) else "blob"
        return f"{match[1]}{url}/{kind}/{revision}/{match[2]}{match[3]}"

    # Not https:, mailto: and the like, and not #anchors.
    return re.sub(r'(\]\(|(?:src|href|srcset)=")(?![a-z]+:|#)([^)"#\s]+)([#)"\s])', link, text)


def project_urls(url: str) -> dict[str, str]:
    """Return the addresses that package indexes show."""
    return {
        "Source": url,
        "Documentation": f"{url}/blob/HEAD/docs/index.md",
        "Issues": f"{url}/issues",
        "Changelog": f"{url}/blob/HEAD/CHANGELOG.md",
    }


def readme(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> str:
    """Return README.md with links that work wherever it is shown."""
    text = (root / "README.md").read_text(encoding="utf-8")
    url = repository_url(root, environment)
    return absolute_links(text, url, revision(environment)) if url else text


try:
    from hatchling.metadata.plugin.interface import MetadataHookInterface
except ImportError:  # the documentation uses the functions above, without hatchling
    pass
else:

    class RepositoryMetadataHook(MetadataHookInterface):
        """Set ``readme`` and ``urls``, unless a source distribution states them."""

        def update(self, metadata: dict[str, Any]) -> None:
            """Fill the dynamic fields."""
            if "readme" not in metadata:  # a source distribution has no README.md to read
                metadata["readme"] = {"content-type": "text/markdown", "text": readme()}
            if "urls" not in metadata and (url := repository_url()):
                metadata["urls"] = project_urls(url)
