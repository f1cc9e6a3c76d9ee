"""Links into the code and equations, which Markdown alone does not give the site.

A page links to code as a reader of the repository does,
``[DCM](../trainers/networks/dite_hrnet/context.py#DenseContextModeling)``. Here the file becomes a page of the site and the
name the line that defines it, so that links hold without a network; one that leads to nothing ends the build.
"""

from __future__ import annotations

import ast
import html
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parent
SOURCES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".sh": "bash", ".toml": "toml"}
"""Files that pages may link to, and their languages."""
LINK = re.compile(r"\]\((?P<path>(?:\.\./)+[\w./-]+?(?P<kind>\.\w+))(?:#(?P<name>[\w.]+))?\)")
EQUATION = re.compile(r"^```equation\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$([^$\n]+)\$")
"""In a page with equations, what stands between dollars is set like one."""


def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add a page for every file of code that some page links to."""
    linked: dict[str, set[str]] = {}
    for page in list(files.documentation_pages()):
        for match in LINK.finditer(page.content_string):
            if match["kind"] in SOURCES:
                names = linked.setdefault(source_of(page.src_uri, match["path"]), set())
                names |= {match["name"]} if match["name"] else set()
    for source, names in sorted(linked.items()):
        text = code_page(source, sorted(names))
        files.append(File.generated(config, page_of(source), content=text, inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Set equations, and point links at the pages of the code."""
    here = page.file.src_uri
    if here.startswith("code/"):
        return markdown
    if EQUATION.search(markdown):
        markdown = INLINE.sub(lambda match: f'<span class="formula">{_set(match[1])}</span>', markdown)
        markdown = EQUATION.sub(lambda match: equation(match[1]), markdown)
    return LINK.sub(lambda match: _link(here, match), markdown)


def source_of(page: str, path: str) -> str:
    """The file, from the repository's root, that a page of docs/ links to."""
    source = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
    if source.startswith("..") or not (ROOT / source).is_file():
        raise PluginError(f"docs/{page} links to {path}, which is no file of the repository")
    return source


def page_of(source: str) -> str:
    """The page of the site that shows a file."""
    return f"code/{source}.md"


def code_page(source: str, names: Iterable[str] = ()) -> str:
    """A page that shows a file, its lines numbered, with an anchor before each of ``names``; not in the site's search."""
    text, language = (ROOT / source).read_text(encoding="utf-8").rstrip(), SOURCES[Path(source).suffix]
    lines, fence = text.splitlines(), "`" * (1 + max(map(len, re.findall("`+", text)), default=2))
    starts = sorted({1: "", **{line_of(source, name): name for name in names}}.items())
    parts = [f"---\ntitle: {source}\nsearch: {{exclude: true}}\nhide: [toc]\n---\n", f"# `{source}`"]
    for (start, name), end in zip(starts, [*(line for line, _ in starts[1:]), len(lines) + 1], strict=True):
        code = "\n".join(lines[start - 1 : end - 1])
        anchor = f'<a id="{name}"></a>\n\n' if name else ""
        parts.append(f'{anchor}{fence}{{.{language} .source linenums="{start}"}}\n{code}\n{fence}')
    return "\n\n".join(parts) + "\n"


def line_of(source: str, name: str) -> int:
    """The line, from 1, from which on a Python file defines a function, a class, a method (``Class.method``) or a constant.

    Raises:
        PluginError: it defines no such name.
    """
    body: list[ast.stmt] = ast.parse((ROOT / source).read_text(encoding="utf-8")).body
    line = 0
    for part in name.split("."):
        found = next((node for node in body if part in _defined(node)), None)
        if found is None:
            raise PluginError(f"{source} defines no {name}, which a page of docs/ links to")
        decorators = [each.lineno for each in getattr(found, "decorator_list", [])]
        line, body = min([found.lineno, *decorators]), getattr(found, "body", [])
    return line


def equation(text: str) -> str:
    """Plain text such as ``y_i = Σ_{j>0} F_0j(x_j)`` as HTML: letters slanted, what follows ``_`` and ``^`` low and high."""
    lines = [f"<div>{_set(line)}</div>" for line in text.strip("\n").splitlines()]
    return f'<div class="equation" role="math" tabindex="0" aria-label="{html.escape(text.strip())}">{"".join(lines)}</div>'


def _set(line: str) -> str:
    words, _, note = line.partition("   ")
    slanted = re.sub(r"(?<![A-Za-z&#])([A-Za-zα-ω]|ij)(?![A-Za-z;])", r"<i>\1</i>", html.escape(words))
    where = f'<span class="where">{_scripts(html.escape(note.strip()))}</span>' if note.strip() else ""
    return f"<span>{_scripts(slanted)}</span>{where}"


def _scripts(text: str) -> str:
    for mark, tag in (("_", "sub"), ("\\^", "sup")):
        text = re.sub(mark + r"\{([^{}]*)\}", rf"<{tag}>\1</{tag}>", text)
        text = re.sub(mark + r"((?:<i>\w+</i>|[A-Za-z0-9])+)", rf"<{tag}>\1</{tag}>", text)
    return text


def _link(here: str, match: re.Match[str]) -> str:
    if match["kind"] not in SOURCES:
        return match[0]
    source = source_of(here, match["path"])
    anchor = f"#{match['name']}" if match["name"] else ""
    return f"]({posixpath.relpath(page_of(source), posixpath.dirname(here) or '.')}{anchor})"


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
