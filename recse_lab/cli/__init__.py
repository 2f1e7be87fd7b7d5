"""The command line. Each verb is a thin wrapper over a function of recse_lab.workflows; heavy imports wait for it."""

from __future__ import annotations

import errno
import sys

import typer

from recse_lab.cli import (
    ablate,
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
    train,
)
from recse_lab.errors import LabError

app = typer.Typer(
    name="recse-lab",
    help="A laboratory for sentence embeddings: does this trick work, why, and can it be told from noise?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("train")(train.train)
app.command("pretrain")(pretrain.pretrain)
app.command("eval")(evaluate.evaluate)
app.command("import")(import_.import_)
app.command("ablate")(ablate.ablate)
app.command("probe")(probe.probe)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.command("explain")(explain.explain)
app.command("list")(inspect.list_)
app.add_typer(runs.app, name="runs")
app.add_typer(reshape.app, name="reshape")
app.add_typer(data.app, name="data")


def main() -> None:
    """Entry point: what a user can mend is one sentence and exit code 2; Ctrl-C is 130."""
    try:
        app()
    except LabError as error:
        fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        where = error.filename2 or error.filename  # of a file renamed: what it was to become
        if error.errno == errno.ENOSPC:
            fail(
                f"{where or 'the disk'}: the disk is full; nothing half-written was kept; free some space and start again."
            )
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
