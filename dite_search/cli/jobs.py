"""Commands about jobs: send a search to a cluster, follow it, stop it."""

from __future__ import annotations

import sys
from typing import Any

import click

from dite_search.cli.shared.options import json_option
from dite_search.cli.shared.output import next_steps, program, show
from search_spaces.common.shell import shell_command

address_option = click.option(
    "--address",
    envvar="RAY_API_SERVER_ADDRESS",
    default="http://127.0.0.1:8265",
    show_default=True,
    help="Dashboard of the cluster's head; also $RAY_API_SERVER_ADDRESS.",
)


@click.command(
    epilog="Example:  dite-search submit search.yaml --address http://head:8265 --data /data/coco --directory /runs"
)
@click.argument("file", type=click.Path(dir_okay=False))
@address_option
@click.option("--data", help="Folder of the data on the cluster; replaces data.root of the file.")
@click.option("--directory", help="Folder of the studies on the cluster; replaces that of the file.")
@click.option("--name", help="Replaces the name of the study.")
@click.option("--include", multiple=True, metavar="PATH", help="Send this file or folder, below the working directory, too.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 100_000),
    metavar="TRIALS",
    help="First have an autoscaling cluster start the machines for so many trials.",
)
@click.option("--pip", is_flag=True, help="Install this program and its versions on the nodes (default: they are there).")
@click.option("--resume", is_flag=True, help="Go on with the study of the file, which was cut off.")
@click.option("--follow/--no-follow", default=None, help="Show what the job prints until it ends (default: on a terminal).")
@json_option
def submit(
    file: str,
    address: str,
    data: str | None,
    directory: str | None,
    name: str | None,
    include: tuple[str, ...],
    at_once: int | None,
    pip: bool,
    resume: bool,
    follow: bool | None,
    as_json: bool,
) -> None:
    """Run the search that FILE describes on a Ray cluster, as a job that needs this machine no longer.

    Paths are those of the cluster: on storage that every node sees, and absolute. The file travels with what it names beside
    it, and must hold no password: write ${NAME}, a variable of the cluster's machines.
    """
    from dite_search.jobs.job_package import pack, packing_folder, pip_environment
    from dite_search.jobs.job_server import JobServer, checked_address

    checked_address(address)
    with packing_folder() as folder:
        package = pack(
            file,
            folder,
            data=data,
            directory=directory,
            name=name,
            include=include,
            at_once=at_once,
            resume=resume,
        )
        server = JobServer(address)
        job_id = server.submit(package, pip=pip_environment(folder) if pip else None)
    result = {"job": job_id, "study": package.study, "address": server.address, "entrypoint": package.entrypoint}
    if follow or (follow is None and sys.stdout.isatty() and not as_json):
        if not as_json:
            show(result, as_json)
        _follow(server, job_id, as_json=as_json, result=result)
        return
    show(result, as_json)
    next_steps(as_json, *_commands(job_id, server.address))


@click.group(epilog="Example:  dite-search job status")
def job() -> None:
    """The jobs of a cluster: their status, what they print, how to stop them."""


@job.command(epilog="Example:  dite-search job status my_search-3f9a1c --address http://head:8265")
@click.argument("job_id", metavar="[JOB]", required=False)
@address_option
@json_option
def status(job_id: str | None, address: str, as_json: bool) -> None:
    """The status of JOB, or of every job that the cluster remembers."""
    from dite_search.jobs.job_server import JobServer

    server = JobServer(address)
    if job_id:
        show(server.status(job_id), as_json)
        return
    jobs = server.jobs()
    if as_json:
        show({"jobs": jobs}, as_json)
        return
    for each in jobs:
        click.echo(f"{each['status']:<10} {each['seconds']:>8} s  {each['job']}")
    if not jobs:
        click.echo(f"No job at {server.address}")


@job.command(epilog="Example:  dite-search job logs my_search-3f9a1c --address http://head:8265")
@click.argument("job_id", metavar="JOB")
@address_option
@click.option("--follow/--no-follow", default=None, help="Until the job ends (default: on a terminal).")
def logs(job_id: str, address: str, follow: bool | None) -> None:
    """Print the log of JOB."""
    from dite_search.jobs.job_server import JobServer

    server = JobServer(address)
    if follow or (follow is None and sys.stdout.isatty()):
        _follow(server, job_id, as_json=False, result={})
        return
    click.echo(server.logs(job_id), nl=False)


@job.command(epilog="Example:  dite-search job stop my_search-3f9a1c --address http://head:8265")
@click.argument("job_id", metavar="JOB")
@address_option
@json_option
def stop(job_id: str, address: str, as_json: bool) -> None:
    """End JOB; its study keeps every result, and submit --resume goes on with it."""
    from dite_search.jobs.job_server import JobServer

    show(JobServer(address).stop(job_id), as_json)


@job.command(epilog="Example:  dite-search job reserve search.yaml --trials 4")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--trials", type=click.IntRange(1, 100_000), required=True, help="Trials at once.")
@click.option("--data", help="As for search: data root in place of the file's.")
@click.option("--directory", help="As for search: folder of the studies in place of the file's.")
@click.option("--wait", type=click.FloatRange(1, 86_400), default=1800, show_default=True, help="Seconds, at most.")
@json_option
def reserve(file: str, trials: int, data: str | None, directory: str | None, wait: float, as_json: bool) -> None:
    """On the cluster: have its autoscaler start the machines for so many trials of FILE, and wait for them.

    A search counts the machines that are there when it starts; submit --at-once runs this before it.
    """
    from dite_search.jobs.job_server import reserve as ask
    from dite_search.tasks.search_file import read_search

    config = read_search(file, data_root=data, changes={"directory": directory})
    show({"trials_at_once": ask(config, trials=trials, seconds=wait)}, as_json)


def _follow(server: Any, job_id: str, *, as_json: bool, result: dict[str, Any]) -> None:
    try:
        status = server.follow(job_id, lambda text: click.echo(text, nl=False, err=as_json))
    except KeyboardInterrupt:
        click.echo(f"\nJob {job_id} goes on.", err=as_json)
        next_steps(as_json, *_commands(job_id, server.address))
        return
    show(result | status if as_json else status, as_json)
    if status["status"] != "SUCCEEDED":
        raise SystemExit(1)


def _commands(job_id: str, address: str) -> tuple[str, ...]:
    options = (job_id, "--address", address)
    return tuple(shell_command(program("dite-search"), "job", what, *options) for what in ("logs", "status", "stop"))
