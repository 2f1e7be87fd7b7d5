"""The report of an ablation, from the scores in the store alone: table, figure and a summary that says what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recse_lab.data.sts_sets import LABELS, SEVEN
from recse_lab.errors import LabError
from recse_lab.figures import style
from recse_lab.files import atomic_path, read_json
from recse_lab.reports import tables
from recse_lab.reports.by_seed import about_seeds, by_seed
from recse_lab.reports.page import page
from recse_lab.reports.page.card import Card, as_data, write_card
from recse_lab.reports.provenance import provenance
from recse_lab.reports.resamples import RESAMPLES, resampled
from recse_lab.reports.study import figures
from recse_lab.reports.tables import Cell, Column, Row, Table, latex
from recse_lab.runs.store import Run
from recse_lab.statistics import (
    Comparison,
    Interval,
    compare_resampled,
    holm,
    mean_interval,
    spread_over_both,
)
from recse_lab.statistics.factorial import factorial_effects

LEVEL = 0.05
MEASURES = {"polarity": ("used range", "W₁ to gold")}
MEASURES_NOTE = (
    "used range: from the 5 % to the 95 % quantile of the scores on STS-B; W₁ to gold: Wasserstein distance of scores, as they are, and "
    "gold / 5. Both ×100; `recse-lab probe polarity` has them with intervals, and the others."
)


@dataclass(frozen=True)
class Group:
    """The runs of one arm at one combination of levels, one a seed."""

    arm: str
    role: str
    factors: dict[str, Any]
    x: str | None
    runs: dict[int, Run]
    """By seed; finished runs only."""
    planned: int
    seedless: bool
    """No seed changes it."""

    @property
    def level(self) -> Any:
        """Level of the factor on the horizontal axis."""
        return self.factors.get(self.x) if self.x else None

    @property
    def label(self) -> str:
        if list(self.factors) in ([], [self.x]):
            return self.arm if self.level is None else f"{self.arm} at {self.level}"
        return f"{self.arm} at " + ", ".join(
            f"{short_name(name)} {level}" for name, level in self.factors.items()
        )


def short_name(factor: str) -> str:
    """A factor's name without the rooms it lives in."""
    return factor.rsplit(".", 1)[-1] if factor not in TEMPERATURES else TEMPERATURES[factor]


TEMPERATURES = {"contrast.temperature": "τ", "reshape.temperature": "τ′"}


class AblationReport:
    """A study's stored runs, read once; every number of its report is computed from here."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "study.json").is_file():
            raise LabError(
                f"{folder}: no study here; run it with `recse-lab ablate {folder.name}` first."
            )
        self.folder, self.study = folder, read_json(folder / "study.json")
        self.spec = self.study["spec"]
        self.x: str | None = self.spec["report"]["x"]
        self.against: str = self.spec["report"]["against"]
        self.against_level: dict[str, Any] = self.spec["report"].get("against_level") or {}
        if not any(group.runs for group in self.groups):
            raise LabError(
                f"{folder}: none of its {len(self.study['cells'])} cells has finished; run `recse-lab ablate` again."
            )

    # ---- what was run --------------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> list[Group]:
        found: dict[str, Group] = {}
        seeds = {arm["name"]: arm["seeds"] for arm in self.spec["arms"]}
        for cell in self.study["cells"]:
            key = f"{cell['arm']} {cell['factors']}"
            seedless = seeds[cell["arm"]] is not None and len(seeds[cell["arm"]]) == 1
            group = found.setdefault(
                key, Group(cell["arm"], cell["role"], cell["factors"], self.x, {}, 0, seedless)
            )
            run = Run(self.folder / cell["run"])
            runs = group.runs | ({cell["seed"]: run} if run.state == "done" else {})
            found[key] = replace(group, runs=runs, planned=group.planned + 1)
        return list(found.values())

    @cached_property
    def factors(self) -> list[str]:
        """Every factor that some arm sweeps, in the order of the study."""
        return list(dict.fromkeys(name for group in self.groups for name in group.factors))

    @cached_property
    def missing(self) -> list[str]:
        """Cells without a result, each with its state."""
        out = []
        for cell in self.study["cells"]:
            status = Run(self.folder / cell["run"]).status
            if status.state != "done":
                why = f": {status.message}" if status.message else ""
                levels = ", ".join(f"{k} {v}" for k, v in cell["factors"].items())
                out.append(
                    f"{cell['arm']}{' ' + levels if levels else ''}, seed {cell['seed']} ({status.state}{why})"
                )
        return out

    @cached_property
    def runs(self) -> list[Run]:
        """Distinct finished runs."""
        return list({run.id: run for group in self.groups for run in group.runs.values()}.values())

    @cached_property
    def tasks(self) -> list[str]:
        """Tasks that every finished run has scores of: the seven, or what was tested instead."""
        present = [set((run.results or {})["tasks"]) for run in self.runs]
        common = set.intersection(*present)
        if set(SEVEN) <= common:
            return list(SEVEN)
        if not common:
            raise LabError(
                f"{self.folder}: its runs tested no common task, so there is nothing to compare."
            )
        return [task for task in LABELS if task in common]

    @property
    def metric(self) -> str:
        """What the primary number is."""
        return (
            "average of the seven STS tasks"
            if len(self.tasks) == len(SEVEN)
            else " and ".join(LABELS[t] for t in self.tasks)
        )

    # ---- numbers -------------------------------------------------------------------------------------------------

    def score(self, run: Run, task: str) -> float:
        value = (run.results or {})["tasks"][task]["spearman"]["all"]
        return float("nan") if value is None else value

    def primary(self, run: Run) -> float:
        """Mean over the tasks of the pooled Spearman, raw."""
        return float(np.mean([self.score(run, task) for task in self.tasks]))

    @cached_property
    def boot(self) -> dict[str, np.ndarray]:
        """Primary metric of every run, by id, on the same bootstrap resamples of the pairs.

        Raises:
            LabError: Two runs were tested on different pairs.
        """
        found = resampled(self.runs, self.tasks)
        if len({each.pairs for each in found.values()}) > 1:
            raise LabError(
                f"{self.folder}: its runs were tested on different pairs; run them again with --rerun all."
            )
        return {run: each.averages for run, each in found.items()}

    def interval(self, group: Group) -> Interval | None:
        """Of the mean over seeds, for other seeds and other pairs."""
        if not group.runs:
            return None
        found = mean_interval(*self._values(list(group.runs.values())))
        return found if np.isfinite(found.low) else None

    def _values(self, runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
        """Primary metric of every run, and the same on every resample of the pairs."""
        return np.array([self.primary(run) for run in runs]), np.stack(
            [self.boot[run.id] for run in runs], axis=1
        ) if runs else np.empty((0, 0))

    def reference(self, group: Group) -> Group | None:
        """What a group is compared with: the reference arm, at the same levels where it is swept too; or, where the report
        says ``against_level``, its own arm at that level. None where the reference has no such level."""
        wanted = group.factors | self.against_level
        if self.against_level.keys() <= group.factors.keys() and wanted != group.factors:
            own = [g for g in self.groups if g.arm == group.arm and g.factors == wanted]
            if own:
                return own[0]
        found = (g for g in self.groups if g.arm == self.against)
        return next(
            (
                g
                for g in found
                if all(group.factors.get(f, level) == level for f, level in g.factors.items())
            ),
            None,
        )

    def test(self, group: Group, other: Group) -> Comparison:
        """Primary metric of ``group`` minus ``other``'s, for other seeds and other pairs; no test with one seed.

        Two groups that no seed changes are compared for other pairs alone.
        """
        pairs = by_seed((group, other))
        seedless = group.seedless and other.seedless
        (a, boot_a), (b, boot_b) = (self._values([pair[side] for pair in pairs]) for side in (0, 1))
        found = compare_resampled(a, b, boot_a, boot_b, population="pairs" if seedless else "both")
        return about_seeds(found, (group, other))

    def compared_runs(self, group: Group) -> tuple[frozenset[str], frozenset[str]]:
        """What a comparison is made of: cells that `same` declares one have it in common, and count once."""
        reference = self.reference(group)
        first, second = (
            frozenset(run.id for run in g.runs.values()) if g else frozenset()
            for g in (group, reference)
        )
        return (first or frozenset([group.label])), second

    def _against(self, group: Group) -> Comparison:
        reference = self.reference(group)
        if reference is not None:
            return self.test(group, reference)
        return Comparison(
            float("nan"),
            None,
            None,
            None,
            1 - LEVEL,
            0,
            "both",
            "none",
            f"{self.against} was not run at its level",
        )

    @cached_property
    def comparisons(self) -> list[tuple[Group, Comparison, float | None]]:
        """Every group against the reference arm, with p adjusted by Holm over all distinct ones."""
        tests = [
            (group, self._against(group)) for group in self.groups if group.arm != self.against
        ]
        distinct = {self.compared_runs(group): test.p for group, test in tests}
        adjusted = dict(zip(distinct, holm(list(distinct.values())), strict=True))
        return [(group, test, adjusted[self.compared_runs(group)]) for group, test in tests]

    # ---- the report ----------------------------------------------------------------------------------------------

    @cached_property
    def table(self) -> Table:
        """One row for each arm and level."""
        seven = len(self.tasks) == len(SEVEN)
        label = self.spec["report"].get("x_label")
        columns = [Column("arm", "arm", "text")]
        columns += [
            Column(f, label if f == self.x and label else short_name(f), "text")
            for f in self.factors
        ]
        columns += [Column("seeds", "seeds", "text")]
        columns += [Column(task, LABELS[task], detail=True) for task in self.tasks] if seven else []
        columns += [
            Column("avg", "avg." if seven else self.metric, best=True),
            Column("delta", "Δ" if self.against_level else f"Δ {self.against}", "difference"),
        ]
        measures = [m for name in self.spec["report"].get("measures") or [] for m in MEASURES[name]]
        columns += [Column("p", "p (Holm)", "p")] + (
            [Column("dev", "dev")] if self._has_dev else []
        )
        columns += [Column(m, m, detail=True) for m in measures]
        compared = {id(group): (test, p) for group, test, p in self.comparisons}
        rows = []
        for group in self.groups:
            runs = list(group.runs.values())
            short = "" if len(runs) == group.planned else f" of {group.planned}"
            cells = {
                "arm": Cell(group.arm),
                **{
                    f: Cell(None if group.factors.get(f) is None else str(group.factors[f]))
                    for f in self.factors
                },
                "seeds": Cell(f"{len(runs)}{short}"),
            }
            if runs:
                cells |= {
                    task: Cell(_mean([self.score(run, task) for run in runs]))
                    for task in self.tasks
                    if seven
                }
                values = [self.primary(run) for run in runs]
                interval = self.interval(group)
                low, high = (interval.low, interval.high) if interval else (None, None)
                cells["avg"] = Cell(
                    _mean(values),
                    sd=float(np.std(values, ddof=1)) if len(values) > 1 else None,
                    low=low,
                    high=high,
                )
                for measure in measures:
                    found = [self.measured(run)[measure] for run in runs]
                    cells[measure] = Cell(
                        _mean(found), sd=float(np.std(found, ddof=1)) if len(found) > 1 else None
                    )
                cells["dev"] = Cell(
                    _mean(
                        [
                            d
                            for run in runs
                            if (d := (run.results or {})["dev"]["spearman"]) is not None
                        ]
                    )
                )
            if id(group) in compared and group.runs:
                test, p = compared[id(group)]
                cells["delta"] = Cell(
                    None if np.isnan(test.delta) else test.delta, low=test.low, high=test.high
                )
                cells["p"] = Cell(p, mark="†" if p is not None and p >= LEVEL else "")
            rows.append(Row(cells, kind="own" if group.role == "arm" else "reference"))
        return Table(
            f"{self.study['name']}: {self.metric}, Spearman ×100",
            columns,
            rows,
            self.notes,
            [provenance(self.runs, aggregation="all")],
        )

    @cached_property
    def _has_dev(self) -> bool:
        return self.tasks != ["stsb-dev"] and any(
            (run.results or {})["dev"]["spearman"] is not None for run in self.runs
        )

    @cached_property
    def notes(self) -> list[str]:
        notes = [
            "± is the standard deviation over seeds; brackets: 95 % intervals for other seeds and other pairs, the spread over seeds (Student's t) "
            f"and over {RESAMPLES:,} bootstrap resamples of the pairs added; with one seed, for other pairs alone.",
            f"Δ is paired by seed and by pair; p is adjusted by Holm over all rows. † cannot be told apart from {self.against_told} at 5 %.",
        ]
        if len({self.compared_runs(group) for group, _, _ in self.comparisons}) < len(
            self.comparisons
        ):
            notes[1] += " Rows of the same runs are one hypothesis: they have one p and count once."
        if self.against_level:
            notes.append(
                f"Δ of a row at {self._level_told} is from {self.against}; of any other row, from {self.against_told}."
            )
        if alone := [
            group.label for group, test, _ in self.comparisons if self.reference(group) is None
        ]:
            notes.append(
                f"Without Δ, since {self.against} was not run at their level: {'; '.join(alone)}."
            )
        if self.spec["report"].get("measures"):
            notes.append(MEASURES_NOTE)
        if all(test.p is None for _, test, _ in self.comparisons):
            notes[1] = (
                "Δ has no test: "
                + "; ".join(sorted({test.why for _, test, _ in self.comparisons}))
                + "."
            )
        if self.missing:
            notes.append(
                f"{len(self.missing)} of {len(self.study['cells'])} cells have no result: {'; '.join(self.missing)}."
            )
        return notes

    @cached_property
    def summary(self) -> str:
        """What follows, computed: who differs from the reference, who beats the best control, what could have been seen."""
        swept = [c for c in self.comparisons if c[0].role == "arm" and c[1].seeds]
        if self.against_level:
            swept = [
                c
                for c in swept
                if (against := self.reference(c[0])) is not None and against.arm == c[0].arm
            ]
        swept = list({self.compared_runs(c[0]): c for c in reversed(swept)}.values())[
            ::-1
        ]  # the first of each
        tested = [c for c in swept if c[2] is not None]
        # A level's own difference is what the question is about, whatever its sign.
        apart = [(g, t, p) for g, t, p in tested if p is not None and p < LEVEL]
        sentences = []
        if not tested:
            why = "; ".join(sorted({c[1].why for c in swept})) or "nothing to compare"
            sentences.append(f"Nothing can be said about noise here ({why}).")
        elif apart:
            told = ", ".join(f"{g.label} ({100 * t.delta:+.2f}, {_p(p)})" for g, t, p in apart)
            sentences.append(
                f"{len(apart)} of {len(tested)} levels can be told apart from {self.against_told} at 5 % after Holm: {told}."
            )
        else:
            sentences.append(
                f"None of the {len(tested)} levels can be told apart from {self.against_told} at 5 % after Holm."
            )
        if tested:
            sentences.append(self._detectable(tested))
        sentences += self._against_controls([g for g, _, _ in swept if g.runs])
        if self.missing:
            sentences.append(
                f"{len(self.missing)} of {len(self.study['cells'])} cells have no result."
            )
        return " ".join(s for s in sentences if s)

    @property
    def _level_told(self) -> str:
        return ", ".join(f"{short_name(f)} {level}" for f, level in self.against_level.items())

    @property
    def against_told(self) -> str:
        """What arms are compared with, in words."""
        return f"the same with {self._level_told}" if self.against_level else self.against

    def measured(self, run: Run) -> dict[str, float]:
        """Measures of the spread of a run's scores on STS-B's test pairs, or on all pairs where it has none of those."""
        if run.id not in self._measured:
            scores = run.read_scores(["task", "gold", "score"])
            graded = scores.loc[scores["task"] == "stsb"]
            own = graded if len(graded) else scores
            self._measured[run.id] = spread_of_scores(
                own["score"].to_numpy(), own["gold"].to_numpy()
            )
        return self._measured[run.id]

    @cached_property
    def _measured(self) -> dict[str, dict[str, float]]:
        return {}

    @cached_property
    def effects(self) -> Table | None:
        """Main effects and two-way interactions, where the report names the factors of a factorial."""
        named: list[str] = self.spec["report"].get("effects") or []
        if not named or not any(g.runs and set(named) <= g.factors.keys() for g in self.groups):
            return None
        effects = factorial_effects(self.seed_frame, "value", named, run="run")
        columns = [
            Column("effect", "effect", "text"),
            Column("delta", "estimate", "difference"),
            Column("p", "p (Holm)", "p"),
        ]
        columns += [Column("why", "", "text")]
        table_rows = []
        for row in effects.to_dict("records"):
            defined = np.isfinite(row["estimate"])
            bounds = (row["low"], row["high"]) if np.isfinite(row["low"]) else (None, None)
            cells = {
                "effect": Cell(row["effect"]),
                "delta": Cell(row["estimate"] if defined else None, low=bounds[0], high=bounds[1]),
                "p": Cell(row["p_holm"] if np.isfinite(row["p_holm"]) else None),
                "why": Cell(row["reason"] or None),
            }
            table_rows.append(Row(cells))
        methods = ", ".join(sorted(set(effects["method"])))
        return Table(
            f"{self.study['name']}: effects on the {self.metric}, Spearman ×100",
            columns,
            table_rows,
            [
                f"Differences of marginal means, 95 % interval, {methods}; p is adjusted by Holm over this table."
            ],
        )

    def _detectable(self, tested: Sequence[tuple[Group, Comparison, float | None]]) -> str:
        """What the comparison of median power could have found, and how much of its chance more seeds would not remove."""
        spreads = []
        for group, test, _ in tested:
            if test.seeds < 2:
                continue
            reference = self.reference(group)
            assert reference is not None  # it was tested
            (a, boot_a), (b, boot_b) = (
                self._values(runs) for runs in zip(*by_seed((group, reference)), strict=True)
            )
            spreads.append(spread_over_both(a - b, boot_a - boot_b))
        if not spreads:
            return ""
        found = sorted((spread.detectable(), spread) for spread in spreads)[len(spreads) // 2]
        return (
            f"With {found[1].n} seeds one unadjusted comparison finds a true difference of {100 * found[0]:.2f} points in 80 % of cases (the median "
            f"comparison); {100 * found[1].pairs / found[1].total:.0f} % of its variance is that of the pairs, which more seeds do not reduce."
        )

    def _against_controls(self, arms: list[Group]) -> list[str]:
        controls = [g for g in self.groups if g.role == "control" and g.runs]
        if not arms or not controls:
            return []
        best = max(arms, key=self._mean)
        control = max(controls, key=self._mean)
        test = self.test(best, control)
        if test.p is None:
            verdict = test.why
        else:
            # The best of several levels was picked by its score: Bonferroni over the pick keeps the test honest.
            p = min(1.0, test.p * len(arms))
            verdict = f"{_p(p)} after Bonferroni over the {len(arms)} levels it was picked from"
        return [
            f"The best level, {best.label} ({100 * self._mean(best):.2f}), stands {100 * test.delta:+.2f} from the best control, "
            f"{control.label} ({100 * self._mean(control):.2f}; {verdict})."
        ]

    def _mean(self, group: Group) -> float:
        return _mean([self.primary(run) for run in group.runs.values()]) or float("-inf")

    @cached_property
    def frame(self) -> pd.DataFrame:
        """What the figure draws: arm, role, x, y, value, low, high, and a column for every factor."""
        rows = []
        y = self.spec["report"].get("y")
        for group in self.groups:
            interval = self.interval(group)
            if interval is not None:
                rows.append(
                    {
                        "arm": group.arm,
                        "role": group.role,
                        "x": group.level,
                        "y": group.factors.get(y) if y else None,
                        "value": interval.estimate,
                        "low": interval.low,
                        "high": interval.high,
                        "band": group.arm == self.against,
                        **group.factors,
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def seed_frame(self) -> pd.DataFrame:
        """One row a cell of the arms that sweep all factors of the effects: the factors, seed, run, value."""
        named = self.spec["report"].get("effects") or []
        return pd.DataFrame(
            [
                {
                    **{f: g.factors[f] for f in named},
                    "seed": seed,
                    "run": run.id,
                    "value": self.primary(run),
                }
                for g in self.groups
                if set(named) <= g.factors.keys()
                for seed, run in g.runs.items()
            ]
        )

    def plot(self) -> Any:
        """The figure."""
        counted = [
            len(g.runs)
            for g in self.groups
            if g.runs and (g.factors or g.arm == self.against) and not g.seedless
        ]
        seeds = sorted(set(counted)) or [1]
        count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
        report = self.spec["report"]
        kind = report.get("figure") or "levels"
        note = f"{count} seed{'s' if seeds != [1] else ''} a {'cell' if kind == 'heat-map' else 'point'}"
        note += (
            "."
            if kind == "heat-map"
            else f"; 95 % intervals over pairs{' and seeds' if seeds != [1] else ''}."
        )
        title = (
            "STS average, Spearman ×100"
            if len(self.tasks) == len(SEVEN)
            else f"{self.metric}, Spearman ×100"
        )
        x_label = report.get("x_label") or short_name(self.x or "")
        if kind == "heat-map":
            y = report["y"]
            return figures.heat_map(
                self.frame,
                x_label=x_label,
                y_label=report.get("y_label") or short_name(y),
                title=title,
                note=note,
            )
        if kind == "interaction":
            return figures.interaction_figure(
                self.seed_frame,
                report["effects"],
                y_label=title,
                note=f"{count} seeds; bars: 95 %, t over seeds.",
            )
        if kind == "paired":
            return figures.paired_figure(
                self.frame,
                x_label=title,
                y_label=report.get("y_label") or short_name(report.get("y") or ""),
                note=note,
            )
        return figures.levels_figure(
            self.frame,
            x_label=x_label,
            y_label=title,
            x_scale=report.get("x_scale") or "category",
            note=note,
        )

    def write(self, out: Path) -> list[Path]:
        """Write table.md, .tex and .csv, figure.png and .pdf, summary.md, page.html and card.json into ``out``; return their paths."""
        pictures = (
            style.save(self.plot(), out / "figure")
            if self.x or self.spec["report"].get("effects")
            else []
        )
        card = self._card([path.name for path in pictures if path.suffix == ".png"])
        texts = {
            "table.md": tables.markdown(self.table),
            "table.tex": latex.latex(self.table),
            "table.csv": tables.comma_separated(self.table),
            "summary.md": self._summary_page(bool(pictures)),
            "page.html": page.card_page(as_data(card), out),
        }
        if self.effects is not None:
            texts |= {
                "effects.csv": tables.comma_separated(self.effects),
                "effects.tex": latex.latex(self.effects),
            }
        for name, text in texts.items():
            with atomic_path(out / name) as beside:
                beside.write_text(text, encoding="utf-8")
        return [*pictures, *(out / name for name in texts), write_card(out, card)]

    def _card(self, pictures: Sequence[str]) -> Card:
        commands = [*self.study["commands"], f"recse-lab report {self.folder.name}"]
        return Card(
            self.folder.name,
            self.study["name"],
            self.spec["question"],
            [self.summary],
            [t for t in (self.effects, self.table) if t],
            pictures,
            [f"`{command}`" for command in commands],
            [f"{self.folder.name}/{run.id}" for run in self.runs],
        )

    def _summary_page(self, pictured: bool) -> str:
        # The commands name corpus and data; where they lie on this machine is nobody's business.
        base = {
            k: {n: x for n, x in v.items() if n != "data_dir"} if k == "evaluation" else v
            for k, v in self.spec["base"].items()
            if k != "corpus"
        }
        arms = [
            f"- {a['name']} ({a['role']}): `{a['set']}`"
            + (f", swept over `{a['sweep']}`" if a["sweep"] else "")
            for a in self.spec["arms"]
        ]
        ids = [
            f"| {g.arm} | {', '.join(f'{short_name(f)} {level}' for f, level in g.factors.items())} | "
            + ", ".join(f"{s}: `{r.id}`" for s, r in sorted(g.runs.items()))
            + " |"
            for g in self.groups
        ]
        commands = "\n".join(self.study["commands"])
        return "\n".join(
            [
                f"# {self.study['name']}",
                "",
                f"**{self.spec['question']}**",
                "",
                self.summary,
                "",
                *(["![figure](figure.png)", ""] if pictured else []),
                *([tables.markdown(self.effects)] if self.effects is not None else []),
                tables.markdown(self.table),
                "## How it was computed",
                "",
                "```",
                commands,
                f"recse-lab report {self.folder.name}",
                "```",
                "",
                f"Base configuration: `{base}`",
                "",
                *arms,
                "",
                "Runs, seed: id",
                "",
                "| arm | level | runs |",
                "| --- | --- | --- |",
                *ids,
                "",
            ]
        )


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _mean(values: Sequence[float]) -> float | None:
    """Mean, or None where there is nothing or something undefined: missing is never a number."""
    return None if not values or not np.isfinite(values).all() else float(np.mean(values))


def spread_of_scores(scores: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """How much of the scale the scores of graded pairs use, and how far their distribution is from that of the grades."""
    from scipy.stats import wasserstein_distance

    if not np.isfinite(scores).all():
        return {"used range": float("nan"), "W₁ to gold": float("nan")}
    low, high = np.quantile(scores, [0.05, 0.95])
    return {
        "used range": float(high - low),
        "W₁ to gold": float(wasserstein_distance(scores, gold / 5)),
    }
