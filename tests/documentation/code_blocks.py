"""All code blocks of all documents, whatever page they are on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt

from documentation.linked_pages import DOCS, LINKED_PAGES, ROOT


@dataclass(frozen=True)
class CodeBlock:
    """A fenced or indented block. The language of an indented one is empty."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """The place of the block, as the id of a test."""
        return f"{self.document}:{self.line}"


def documents() -> list[str]:
    """The paths of all documents that are pages of the site and not generated."""
    return sorted([*LINKED_PAGES.values(), *(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))])


def blocks_of(document: str) -> Iterator[CodeBlock]:
    """Yield the code blocks of a document."""
    for token in MarkdownIt("commonmark").parse((ROOT / document).read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            yield CodeBlock(document, token.map[0] + 1, token.info.strip(), token.content)


def inline_code_of(document: str) -> list[str]:
    """The code within the sentences and tables of a document."""
    tokens = MarkdownIt("commonmark").enable("table").parse((ROOT / document).read_text(encoding="utf-8"))
    return [child.content for token in tokens for child in token.children or () if child.type == "code_inline"]


BLOCKS = [block for document in documents() for block in blocks_of(document)]


def blocks_in(*languages: str) -> list[CodeBlock]:
    """The blocks of all documents in one of these languages."""
    return [block for block in BLOCKS if block.language in languages]
