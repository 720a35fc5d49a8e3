"""``tieout docs``: what the models and their columns mean, as one page."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from dagster_project.cli.session import Session, with_session


@click.command("docs")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder to write into (default: pages, in the home folder).")
@click.option("--serve", is_flag=True, help="Then serve it on 127.0.0.1, until interrupted.")
@click.option("--port", type=click.IntRange(0, 65535), default=8180, show_default=True, help="Port to serve it on; 0: any that is free.")
@with_session
def docs_command(session: Session, out: Path | None, serve: bool, port: int) -> None:
    """Write dbt's documentation into one self-contained HTML file: every model and column with its meaning, its type as published, its tests, the
    compiled SQL and the lineage. It opens from the file, without a server."""
    from dagster_project.dbt.documentation import write_documentation

    settings = session.installation.settings
    session.line("dbt describes every model and column from the published copy, which takes some 20 seconds ...")
    path = write_documentation(settings, out)
    session.line(f"Wrote {path}")
    session.result({"path": str(path)})
    if serve:
        _serve(session, path, port)


def _serve(session: Session, path: Path, port: int) -> None:
    handler = partial(_Quiet, directory=str(path.parent))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        session.line(f"http://127.0.0.1:{server.server_port}/{path.name} (interrupt to stop)")
        server.serve_forever()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """People asked for the page, not for its log."""
