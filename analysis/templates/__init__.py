"""Templates of pages and texts: files in the folder ``templates`` of a package."""

from __future__ import annotations

from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

FOLDER = "templates"
SHARED = "analysis"
"""The package whose templates those of other packages may take parts of, such as the head of a page."""


def template_text(package: str, name: str) -> str:
    """Return a file of the templates of a package as it is; ``name`` may have folders."""
    return resources.files(package).joinpath(FOLDER, *name.split("/")).read_text(encoding="utf-8")


def template_environment(package: str, *, autoescape: bool = True) -> Environment:
    """Return the environment that renders templates of a package, in which a name that is not given is an error.

    Args:
        package: The package with the folder of templates.
        autoescape: Whether values are escaped for HTML.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(name, FOLDER) for name in dict.fromkeys((package, SHARED))]),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
