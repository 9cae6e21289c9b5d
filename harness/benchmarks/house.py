"""Figures on the structure of the source code and on the prose of the documents, for git refs.

    python harness/benchmarks/house.py 9caf67c HEAD

Prints a Markdown table with one column per ref. It reads the files from git, so the work tree is not touched.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from statistics import median

ROOT = "harness/wsproof/"
"""The folder whose modules are counted. Each folder or file directly inside is a room."""
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
SMALL = 50
"""Lines. Files up to this length are counted as small."""
SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
NOT_PROSE = re.compile(r"^(?: {4}|\t|#|\||!\[|<)")
"""Lines of a document that are code, a heading, a table or an image."""
ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")

Files = Mapping[str, str]
"""Texts by path."""
Graph = Mapping[str, set[str]]
"""The nodes that each node imports."""


def files_of(ref: str) -> dict[str, str]:
    """The Python files of the library and the documents, as they are in a git ref."""
    names = _git("ls-tree", "-r", "--name-only", ref).splitlines()
    wanted = [name for name in names if name in DOCUMENTS or (name.startswith(ROOT) and name.endswith(".py"))]
    return {name: _git("show", f"{ref}:{name}") for name in wanted}


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def sources(files: Files) -> dict[str, ast.Module]:
    """The parsed modules by dotted name, such as "net.client"."""
    return {_module(name): ast.parse(text) for name, text in files.items() if name.startswith(ROOT)}


def _module(path: str) -> str:
    name = path.removeprefix(ROOT).removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def room_of(module: str) -> str:
    """The room of a module."""
    return module.partition(".")[0]


def imports(modules: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """The modules of the library that each module imports, apart from imports for type checkers only."""
    return {name: set(_imported(name, tree, modules)) - {name} for name, tree in modules.items()}


def _imported(name: str, tree: ast.Module, modules: Mapping[str, ast.Module]) -> Iterator[str]:
    for node in _run_time(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            own = target.removeprefix("wsproof.") if target.startswith("wsproof.") else ""
            found = next((known for known in (own, own.rpartition(".")[0]) if known in modules), None)
            if found:
                yield found


def _run_time(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements except those under `if TYPE_CHECKING`."""
    left: list[ast.AST] = [tree]
    while left:
        for node in ast.iter_child_nodes(left.pop()):
            if isinstance(node, ast.expr) or (isinstance(node, ast.If) and _is_for_type_checkers(node.test)):
                continue
            yield node
            left.append(node)


def _is_for_type_checkers(test: ast.expr) -> bool:
    return any("TYPE_CHECKING" in (getattr(node, "id", ""), getattr(node, "attr", "")) for node in ast.walk(test))


def between_rooms(graph: Graph) -> dict[str, set[str]]:
    """The same graph with rooms as nodes."""
    rooms: dict[str, set[str]] = {room_of(name): set() for name in graph}
    for name, targets in graph.items():
        rooms[room_of(name)] |= {room_of(target) for target in targets} - {room_of(name)}
    return rooms


def circles(graph: Graph) -> list[set[str]]:
    """Groups of nodes that import each other in a circle."""
    reach = {node: _reached(graph, node) for node in graph}
    groups = {frozenset(other for other in reach[node] if node in reach[other]) for node in graph}
    return sorted((set(group) for group in groups if len(group) > 1), key=min)


def _reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    left = [start]
    while left:
        for target in graph.get(left.pop(), ()):
            if target not in seen:
                seen.add(target)
                left.append(target)
    return seen


def functions(modules: Mapping[str, ast.Module]) -> dict[str, int]:
    """The length of each function in lines."""
    return {
        f"{name}.{node.name}:{node.lineno}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def repeated_classes(modules: Mapping[str, ast.Module]) -> list[str]:
    """Names that more than one class of the library has."""
    named = Counter(node.name for tree in modules.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return sorted(name for name, count in named.items() if count > 1)


def words_per_sentence(text: str) -> float:
    """The mean number of words of a sentence, without code, headings and tables. List items are sentences."""
    lengths = [len(words) for paragraph in _paragraphs(text) for words in _sentences(paragraph)]
    return sum(lengths) / len(lengths) if lengths else 0.0


def _paragraphs(text: str) -> Iterator[str]:
    """The paragraphs and list items of a document."""
    block: list[str] = []
    fenced = False
    for line in [*text.splitlines(), ""]:
        fenced ^= line.startswith("```")
        prose = not (fenced or line.startswith("```") or NOT_PROSE.match(line)) and line.strip()
        if block and (not prose or ITEM.match(line)):
            yield " ".join(block)
            block = []
        if prose:
            block.append(ITEM.sub("", line).strip())


def _sentences(paragraph: str) -> Iterator[list[str]]:
    ends = [0, *(match.end() for match in SENTENCE_END.finditer(paragraph)), len(paragraph)]
    for start, end in pairwise(ends):
        if words := re.findall(r"\w+", paragraph[start:end]):
            yield words


def longest(lengths: Mapping[str, int]) -> str:
    """The largest of these lengths, with its name."""
    name = max(lengths, key=lambda each: lengths[each])
    return f"{lengths[name]} ({name.partition(':')[0]})"


def figures(files: Files) -> dict[str, str]:
    """All figures of one ref, by their titles."""
    modules = sources(files)
    graph = imports(modules)
    rooms = between_rooms(graph)
    per_room = Counter(room_of(name) for name in modules)
    lines = {name: files[name].count("\n") for name in files if name.startswith(ROOT)}
    lengths = functions(modules)
    repeated = repeated_classes(modules)
    return {
        "Python files": str(len(modules)),
        "rooms": str(len(rooms)),
        "most files in a room": longest(per_room),
        "arrows between rooms": str(_arrows(rooms)),
        "circles of rooms": _circles(circles(rooms)),
        "arrows between modules": str(_arrows(graph)),
        "circles of modules": _circles(circles(graph)),
        "lines of a file, median": f"{median(lines.values()):.0f}",
        "longest file": longest({_module(name): count for name, count in lines.items()}),
        f"files of {SMALL} lines or fewer": str(sum(count <= SMALL for count in lines.values())),
        "lines of a function, median": f"{median(lengths.values()):.0f}",
        "longest function": longest(lengths),
        "class names used more than once": f"{len(repeated)} ({', '.join(repeated)})" if repeated else "0",
        **{
            f"words per sentence, {name}": f"{words_per_sentence(files[name]):.1f}" if name in files else "–"
            for name in DOCUMENTS
        },
    }


def _arrows(graph: Graph) -> int:
    return sum(len(targets) for targets in graph.values())


def _circles(groups: list[set[str]]) -> str:
    return "0" if not groups else "; ".join(" ↔ ".join(sorted(group)) for group in groups)


def table(refs: Iterable[str]) -> str:
    """The figures of these refs as a Markdown table, and the files of each room below it."""
    columns = {ref: files_of(ref) for ref in refs}
    each = {ref: figures(files) for ref, files in columns.items()}
    titles = next(iter(each.values()))
    lines = [_row(["", *columns]), _row(["---", *["---:"] * len(columns)])]
    lines += [_row([title, *(found[title] for found in each.values())]) for title in titles]
    lines += ["", *(f"Files per room, {ref}: {files_per_room(files)}." for ref, files in columns.items())]
    return "\n".join(lines) + "\n"


def files_per_room(files: Files) -> str:
    """The number of files of each room, the largest first."""
    counts = Counter(room_of(_module(name)) for name in files if name.startswith(ROOT))
    return ", ".join(f"{room or 'wsproof'} {count}" for room, count in counts.most_common())


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(table(sys.argv[1:] or ["HEAD"]))
