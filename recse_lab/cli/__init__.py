"""The command line. Each verb wraps a function of the package; heavy imports wait for the verb."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from recse_lab.cli import (
    ablate,
    compare,
    data,
    doctor,
    evaluate,
    explain,
    import_,
    inspect,
    pretrain,
    probe,
    report,
    reshape,
    runs,
    selftest,
    train,
)
from recse_lab.errors import LabError
from recse_lab.files import REFUSALS

app = typer.Typer(
    name="recse-lab",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from recse_lab import __version__

        print(f"recse-lab {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A laboratory for sentence embeddings: does this trick work, why, and is it noise?

    Start with `recse-lab ablate reshape-dim --quick`; then `recse-lab list`.
    """


app.command("train")(train.train)
app.command("pretrain")(pretrain.pretrain)
app.command("eval")(evaluate.evaluate)
app.command("import")(import_.import_)
app.command("compare")(compare.compare)
app.command("ablate")(ablate.ablate)
app.command("probe")(probe.probe)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.command("explain")(explain.explain)
app.command("list")(inspect.list_)
app.add_typer(runs.app, name="runs")
app.add_typer(reshape.app, name="reshape")
app.add_typer(data.app, name="data")
app.add_typer(selftest.app, name="selftest")


def main() -> None:
    """Entry point: what a user can mend is one sentence and exit code 2; Ctrl-C is 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show is spelt out
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except LabError as error:
        fail(str(error))
    except MemoryError:
        fail(
            "there is not enough memory for this; give fewer or shorter sentences, or less at once."
        )
    except RuntimeError as error:
        if "home directory" not in str(error):
            raise
        fail("the home of this user is not known; set HOME, or RECSE_LAB_CACHE to a folder.")
    except BrokenPipeError:
        raise
    except OSError as error:
        where = error.filename2 or error.filename  # of a file renamed: what it was to become
        if error.errno in REFUSALS:
            why, remedy = REFUSALS[error.errno]
            fail(f"{where or 'the disk'}: {why}; nothing half-written was kept; {remedy}.")
        if where is None:
            raise
        fail(
            f"{where}: cannot be read or written ({error.strerror}); mend it, or give another path."
        )
    except KeyboardInterrupt:
        sys.exit(130)


def fail(message: str) -> None:
    """Print one sentence and leave with exit code 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
