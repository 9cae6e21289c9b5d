"""Pages of the site that are kept elsewhere in the checkout, beside what they describe."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

LINKED_PAGES = {
    "index.md": "README.md",
    "how-to/channels.md": "harness/wsproof/workloads/README.md",
    "how-to/examples.md": "examples/README.md",
    "how-to/reference-server.md": "target_app/README.md",
    "reference/runs.md": "reports/README.md",
    "reference/deviations-found.md": "target_app/accepted/README.md",
    "reference/hazards.md": "target_app/HAZARDS.md",
    "reference/planted-faults.md": "tests/faulty/AUTOBAHN.md",
    "reference/benchmarks.md": "harness/benchmarks/README.md",
    "reference/changes.md": "CHANGELOG.md",
    "explanation/conformance.md": "harness/wsproof/conformance/README.md",
    "explanation/design.md": "ARCHITECTURE.md",
    "explanation/contributing.md": "CONTRIBUTING.md",
}
"""The file in the checkout of each such page, by the page's path in the site."""

ASSETS = ("reports/example/page.png", "reports/example/page.html")
"""Other files outside docs/ that pages show or link. Their path in the site is that in the checkout."""


def site_paths() -> dict[str, str]:
    """The path in the site of each page and asset that is a file, by its path in the checkout."""
    own = {f"docs/{path.relative_to(DOCS).as_posix()}": path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.*")}
    return own | {source: page for page, source in LINKED_PAGES.items()} | {name: name for name in ASSETS}
