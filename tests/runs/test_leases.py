"""Leases: one holder at a time, whoever dies, stalls, or meets a lease that says nothing."""

import json
import multiprocessing
import os
import signal
import time

import pytest

from recse_lab.files import born, machine
from recse_lab.jobs.computing import computing
from recse_lab.runs import leases
from recse_lab.runs.leases import Claimed, Finished, LeaseLost, clock, is_held, leased, newest
from recse_lab.runs.store import Run, find_runs

FORK = multiprocessing.get_context("fork")
PROCESSES, ROUNDS = 8, 100


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "runs" / "s" / "0123456789ab")


def put_lease(run, text, age=0.0):
    work = leases.work_of(run.home)
    work.mkdir(parents=True)
    path = work / "lease.1"
    path.write_text(text)
    touched = clock(work) - age
    os.utime(path, (touched, touched))
    return path


def of_another_host(seconds=60.0):
    return json.dumps({"machine": "elsewhere", "pid": 1, "born": "1", "seconds": seconds})


def ended_pid():
    process = FORK.Process(target=lambda: None)
    process.start()
    process.join()
    return process.pid


def meet(home, barrier, holders, rounds):
    """Reach for the run of every round at the same moment; who gets it holds it until all tried."""
    for number in range(rounds):
        barrier.wait()
        try:
            with leased(home.with_name(f"{number:012x}")):
                with holders.get_lock():
                    holders[number] += 1
                barrier.wait()
        except Claimed:
            barrier.wait()


def dead(pid):
    return json.dumps({"machine": machine(), "pid": pid, "born": "1", "seconds": 60.0}), 0.0


LEFT = {
    "dead": lambda: dead(ended_pid()),
    "empty": lambda: ("", 61.0),
    "foreign": lambda: (of_another_host(), 61.0),
}


@pytest.mark.parametrize("left", LEFT)
def test_eight_processes_that_meet_a_dead_lease_have_one_holder(left, run):
    text, age = LEFT[left]()
    for number in range(ROUNDS):
        put_lease(Run(run.home.with_name(f"{number:012x}")), text, age)
    barrier, holders = FORK.Barrier(PROCESSES), FORK.Array("i", ROUNDS)
    arguments = (run.home, barrier, holders, ROUNDS)
    processes = [FORK.Process(target=meet, args=arguments) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert list(holders) == [1] * ROUNDS


@pytest.mark.parametrize("text", ["", "{", "[]", "null", of_another_host(), '{"seconds": "x"}'])
def test_a_lease_that_cannot_be_checked_holds_until_it_expires(run, text):
    path = put_lease(run, text, age=50)
    assert is_held(run.home)
    with pytest.raises(Claimed, match="is being computed by another process"), run.claim():
        pytest.fail("held twice")
    os.utime(path, (clock(path.parent) - 61,) * 2)
    assert not is_held(run.home)
    with run.claim() as lease:
        assert lease.number == 2


def test_a_lease_states_its_own_length(run):
    path = put_lease(run, of_another_host(seconds=600.0), age=300)
    assert is_held(run.home)
    os.utime(path, (clock(path.parent) - 601,) * 2)
    assert not is_held(run.home)


def test_the_clocks_of_hosts_do_not_matter(run, monkeypatch):
    put_lease(run, of_another_host(), age=5)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert is_held(run.home)


def test_an_ended_process_holds_nothing_and_a_stopped_one_does(run):
    """On one machine nobody waits for a lease to expire, nor is a suspended laptop robbed."""
    pid = os.getpid()
    own = {"machine": machine(), "pid": pid, "born": born(pid), "seconds": 60.0}
    path = put_lease(run, json.dumps(own), age=1000)
    assert is_held(run.home)
    path.write_text(json.dumps(own | {"born": "0"}))  # the id was given to another process
    assert not is_held(run.home)


def test_a_holder_touches_its_lease(run, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_S", 0.6)
    with run.claim() as lease:
        os.utime(lease.path, (1, 1))
        time.sleep(0.3)
        assert lease.path.stat().st_mtime > 1


def test_who_stalled_and_lost_its_lease_publishes_nothing(run, monkeypatch):
    """Its folder was renamed away: what it still writes comes to nothing."""
    monkeypatch.setattr(leases, "TOUCHES", 0.01)  # it stands still
    told = pytest.raises(LeaseLost, match="was taken over by another process")
    with told, computing(run):
        run.set_status("running")
        (leases.work_of(run.home) / "lease.1").write_text(of_another_host())
        os.utime(leases.work_of(run.home) / "lease.1", (1, 1))
        other = Run(run.home)
        with computing(other):
            assert other.folder.name == "attempt.2"
            assert not run.folder.exists()
        assert other.state == "done"
    assert run.status.message is None
    assert [path.name for path in run.home.parent.iterdir()] == [run.id]


def test_what_was_finished_meanwhile_is_not_computed_again(run):
    with computing(run):
        pass
    with pytest.raises(Finished), computing(run):
        pytest.fail("computed twice")
    assert [path.name for path in run.home.parent.iterdir()] == [run.id]


def test_a_run_that_was_whole_but_not_published_is_published(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(leases.Lease, "publish", lambda lease, again=False: None)
        with computing(run):
            pass
    assert run.state == "interrupted"
    with pytest.raises(Finished), computing(run):
        pytest.fail("computed twice")
    assert run.state == "done"


def test_a_failed_run_keeps_its_number_and_its_files(run):
    for number in (1, 2, 3):
        with pytest.raises(ZeroDivisionError), computing(run):  # noqa: PT012
            assert run.folder.name == f"attempt.{number}"
            (run.folder / f"kept.{number}").touch()
            (run.folder / f".junk.{machine()}-1-0.tmp").touch()
            raise ZeroDivisionError
    assert run.state == "failed"
    work = leases.work_of(run.home)
    assert {path.name for path in work.iterdir()} == {"lease.3", "attempt.3"}
    assert {path.name for path in run.folder.glob("kept*")} == {"kept.1", "kept.2", "kept.3"}
    assert newest(work, "lease") == 3


def test_a_repeated_run_is_replaced_at_the_end(run):
    with computing(run):
        (run.folder / "first").touch()
    with pytest.raises(ZeroDivisionError), computing(run, again=True):
        raise ZeroDivisionError
    assert (run.folder / "first").exists()
    with computing(run, again=True):
        (run.folder / "second").touch()
    names = {path.name for path in run.home.iterdir()}
    assert names == {"second", "status.json"}
    assert [path.name for path in run.home.parent.iterdir()] == [run.id]


def test_a_run_at_work_is_listed(run):
    with computing(run):
        (run.folder / "config.json").write_text("{}")
        (found,) = find_runs(run.home.parents[1])
        assert (found.id, found.study, found.state) == (run.id, "s", "running")


def test_a_killed_holder_is_followed_at_once(run):
    def hold(ready):
        with computing(Run(run.home)):
            (Run(run.home).folder / "mark").touch()
            ready.set()
            time.sleep(60)

    ready = FORK.Event()
    process = FORK.Process(target=hold, args=(ready,))
    process.start()
    assert ready.wait(30)
    with pytest.raises(Claimed), run.claim():
        pytest.fail("held twice")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with run.claim() as lease:
        assert lease.number == 2
        assert (run.folder / "mark").exists()
