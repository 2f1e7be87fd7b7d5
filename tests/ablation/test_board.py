"""The board of a running study, from events."""

import io

import pytest
from rich.console import Console

from recse_lab.ablation.board import Board, duration
from recse_lab.ablation.executors.executor import Event, Task

CELLS = [Task(f"{i:012x}", f"cell {i}", {}) for i in range(4)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (200.0, "3 min 20 s"),
        (7500.0, "2 h 05 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr("recse_lab.ablation.board.time.monotonic", lambda: now[0])
    return now


def test_an_ended_cell_is_one_line(clock):
    text = io.StringIO()
    with Board(4, workers=2, console=Console(file=text, width=200)) as board:
        board(Event("started", CELLS[0]))
        clock[0] += 10
        board(Event("done", CELLS[0]))
        board(Event("started", CELLS[1]))
        clock[0] += 2
        board(Event("failed", CELLS[1], message="no [luck]"))
    assert text.getvalue().splitlines() == [
        "[1/4] cell 0 done in 10 s (000000000000); about 30 s left",
        "[2/4] cell 1 failed in 2 s (000000000001): no [luck]; about 24 s left",
    ]


def test_the_time_left_counts_what_is_at_work(clock):
    board = Board(4, workers=2, console=Console(file=io.StringIO()))
    assert board.time_left() is None
    board(Event("started", CELLS[0]))
    clock[0] += 9
    board(Event("step", CELLS[0], line={"step": 5}, steps=10))
    # 0.45 of a cell in 9 s, so 20 s a cell, of which 3.55 are left.
    assert board.time_left() == pytest.approx(71)


def test_the_table_shows_the_latest_step_of_every_cell_at_work(clock):
    text = io.StringIO()
    console = Console(file=text, width=120)
    board = Board(4, workers=2, console=console)
    for cell in CELLS[:2]:
        board(Event("started", cell))
    line = {"step": 3, "loss": 0.5, "tokens_per_s": 12345.6, "dev_spearman": 0.789}
    board(Event("step", CELLS[0], line=line, steps=8))
    console.print(board.live.get_renderable())
    shown = text.getvalue()
    assert "0 of 4 cells done" in shown
    for value in ("cell 0", "3/8", "0.5000", "12,346", "78.9", "cell 1", "preparing"):
        assert value in shown
