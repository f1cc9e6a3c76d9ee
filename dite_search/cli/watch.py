"""Commands that look at a search while it runs: in a terminal, and as a page."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dite_search.cli.shared.options import directory_option, json_option
from dite_search.cli.shared.output import console_for, program
from search_spaces.common.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from dite_search.monitor.snapshot import LiveReader
    from dite_search.supernet.progress import SharedWeightsReader

DEFAULT_PORT, PORTS = 8420, 20
"""The port of the dashboard, and how many ports are tried from there on."""


@click.command(epilog="Example:  dite-search watch quickstart")
@click.argument("study")
@directory_option
@click.option("--every", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="Seconds between readings.")
@click.option("--once", is_flag=True, help="Print the present state and end.")
@json_option
def watch(study: str, directory: str, every: float, once: bool, as_json: bool) -> None:
    """Watch STUDY (its name, or its folder): what runs where, how fast, how long still, the curves and the front.

    Only reads, so it may run beside the search, on any machine that reaches the study. Ctrl-C ends the watching, and never
    the search. Where the output is no terminal, and with --json, the present state is printed once.

    Before the search begins, it tells how far the weights are that the networks of STUDY share, where some are trained.
    """
    from dite_search.monitor.payload import as_plain
    from dite_search.monitor.snapshot import LiveReader
    from dite_search.study.directory import has_begun, load_config
    from dite_search.study.study import readable

    console = console_for(False)
    if not has_begun(study, directory=directory) and (weights := _shared_weights(study, directory)):
        once = once or as_json or not console.is_terminal
        with contextlib.suppress(KeyboardInterrupt):
            _follow_weights(weights, console, every, once=once, as_json=as_json)
        if once or not has_begun(study, directory=directory):
            return
    config = load_config(study, directory=directory)
    reader = LiveReader(config)
    with readable(config):
        # What cannot be read at all is told here; what goes away later is waited for.
        reader.read(time.time())
    if as_json:
        click.echo(json.dumps(as_plain(reader.read(time.time())), indent=2))
    elif once or not console.is_terminal:
        from dite_search.monitor.terminal import frame

        console.print(frame(reader.read(time.time()), width=console.width), highlight=False)
    else:
        with contextlib.suppress(KeyboardInterrupt):
            _follow(reader, console, every)


def _shared_weights(study: str, directory: str) -> SharedWeightsReader | None:
    """Return the reader of a study's shared weights; None where there are none."""
    from dite_search.supernet.place import supernet_folder
    from dite_search.supernet.progress import SharedWeightsReader

    try:
        return SharedWeightsReader(supernet_folder(study, directory))
    except InvalidInput:
        return None


def _follow_weights(weights: SharedWeightsReader, console: Console, every: float, *, once: bool, as_json: bool) -> None:
    """Tell how far shared weights are, once or until the search of their study begins."""
    from rich.live import Live
    from rich.text import Text

    from dite_search.study.directory import has_begun

    def words() -> str:
        return weights.words() or "Shared weights: no epoch has ended yet"

    if as_json:
        click.echo(json.dumps({"shared_weights": weights.read()}, indent=2))
    elif once:
        console.print(words(), highlight=False, markup=False)
    else:
        with Live(Text(words()), console=console, auto_refresh=False) as live:
            while not has_begun(weights.folder.parent):
                time.sleep(every)
                live.update(Text(words()), refresh=True)


def _follow(reader: LiveReader, console: Console, every: float) -> None:
    """Redraw until the search has finished."""
    from rich.live import Live

    from dite_search.monitor.snapshot import state_of
    from dite_search.monitor.terminal import frame
    from dite_search.storage.database_errors import reason_of
    from dite_search.study.study import DATABASE_AWAY

    moment = reader.read(time.time())

    def drawn(problem: str = "") -> RenderableType:
        return frame(moment, width=console.width, height=console.height - 1, problem=problem)

    with Live(drawn(), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while state_of(moment) != "finished":
            time.sleep(every)
            problem = ""
            try:
                moment = reader.read(time.time())
            except (DATABASE_AWAY, InvalidInput) as error:
                problem = f"The study cannot be read just now ({reason_of(error)}); this is what was read last."
            live.update(drawn(problem), refresh=True)


@click.command(epilog="Example:  dite-search dashboard quickstart")
@click.argument("study", required=False)
@directory_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than loopback need the URL's token."
)
@click.option("--port", type=click.IntRange(1, 65535), help=f"Port (default: the first free one from {DEFAULT_PORT}).")
@click.option("--every", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True, help="Seconds between readings.")
def dashboard(study: str | None, directory: str, host: str, port: int | None, every: float) -> None:
    """Serve STUDY (its name, or its folder) as a page that follows the search; Ctrl-C ends the page, never the search.

    The page leads to those of all studies in the folder, and to reports. Without STUDY that of all studies comes first.
    The page is reached from this machine only, unless --host says otherwise: then its URL holds a token, and whoever has
    it may read.
    """
    from dite_search.monitor.server import Dashboard
    from dite_search.study.directory import load_config

    config = None if study is None else load_config(study, directory=directory)
    folder = None if study is not None else Path(directory)
    if folder is not None and not folder.is_dir():
        raise InvalidInput(f"--directory must be a folder of studies, but {folder} is none")
    ports = range(DEFAULT_PORT, DEFAULT_PORT + PORTS) if port is None else (port,)
    with Dashboard(config, directory=folder, host=host, ports=ports, every=every, mlflow=program("mlflow")) as page:
        click.echo(f"Dashboard of {config.name if config else folder}:  {page.url}")
        for tool in page.tools:
            click.echo(f"  {tool.name}:  {tool.command or tool.url}")
        click.echo("Ctrl-C ends it; the search goes on.")
        with contextlib.suppress(KeyboardInterrupt):
            page.serve()
