"""Check the built documentation for what a reader should never see.

    mkdocs build --strict --site-dir site && python scripts/check_site.py site

mkdocs' own strict mode finds broken links only. This finds roles that were not rendered,
placeholders of click, names of constants in place of their values, and pages that no
navigation leads to. It exits with 1 if there are any.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

FORBIDDEN = {
    "a role that was not rendered": re.compile(r":(?:attr|class|data|exc|func|meth|mod):"),
    "a placeholder of click": re.compile(r"Sentinel"),
    "a constant instead of its value": re.compile(r"=\s*(?:<[^>]*>)*DEFAULT_[A-Z]+"),
    "a reference that was not resolved": re.compile(r"\]\[[\w.]+\]"),
}


class _Links(HTMLParser):
    """Collect the links inside the navigation."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag == "nav"
        if tag == "a" and self.depth:
            self.links.add(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "nav"


def problems(site: Path) -> list[str]:
    """Return what is wrong with a site, one line each."""
    pages = sorted(path for path in site.rglob("*.html") if path.name != "404.html")
    found = [
        f"{page.relative_to(site)}: {what}: {match[0]!r}"
        for page in pages
        for what, pattern in FORBIDDEN.items()
        if (match := pattern.search(page.read_text(encoding="utf-8")))
    ]
    parser = _Links()
    parser.feed((site / "index.html").read_text(encoding="utf-8"))
    linked = {urljoin("/", link.partition("#")[0]).lstrip("/") for link in parser.links}
    for page in pages:
        address = page.relative_to(site).as_posix().removesuffix("index.html")
        if address not in linked | {""}:
            found.append(f"{address}: not in the navigation")
    return found


def main() -> None:
    """Print the problems of the site that the command line names."""
    found = problems(Path(sys.argv[1]))
    print("\n".join(found) or "the site is clean")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
