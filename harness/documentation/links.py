"""Links between files of the checkout, as links between pages of the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from posixpath import dirname, join, normpath, relpath

LINK = re.compile(r"(?P<mark>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<path>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
FENCE = re.compile(r"^ *(`{3,}|~{3,})")


def site_links(
    markdown: str, source: str, page: str, site_paths: Mapping[str, str], missing: Callable[[str], None]
) -> str:
    """The text of a page with links to other pages of the site.

    `source` is the page's file in the checkout, and `page` its path in the site. A link to a file that is no page
    becomes text with the file's path. `missing` is called with each path that `site_paths` does not have.
    """

    def replaced(link: re.Match[str]) -> str:
        path = link["path"]
        if "://" in path or path.startswith("mailto:"):
            return link[0]
        target = normpath(join(dirname(source), path))
        if target in site_paths:
            place = relpath(site_paths[target], dirname(page) or ".")
            return f"{link['mark']}[{link['text']}]({place}{link['anchor'] or ''})"
        missing(target)
        shown = link["text"].strip("`").rstrip("/")
        return link["text"] if target.endswith(shown) else f"{link['text']} (`{target}`)"

    return "".join(part if is_code else LINK.sub(replaced, part) for is_code, part in parts_of(markdown))


def parts_of(markdown: str) -> Iterator[tuple[bool, str]]:
    """Yield the fenced blocks of a page, and the texts between them."""
    part: list[str] = []
    fence = ""
    for line in markdown.splitlines(keepends=True):
        mark = FENCE.match(line)
        if mark is not None and (not fence or mark[1].startswith(fence)):
            if not fence:
                yield False, "".join(part)
                part, fence = [line], mark[1]
                continue
            yield True, "".join([*part, line])
            part, fence = [], ""
            continue
        part.append(line)
    yield bool(fence), "".join(part)
