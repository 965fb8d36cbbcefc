"""The driver of the benchmarks, with contestants that answer at once."""

import json
from dataclasses import asdict

import pytest
from benchmarks.cases import CASES, MLP_STATE, SIZES, Case, Run
from benchmarks.peers import ROOT
from benchmarks.report import PAGES, keep, page, results_on, table
from benchmarks.run import ROUNDS_PER_DIFFERENCE, main, measured
from benchmarks.scaling import slope

OURS, HAND = Run("callbax", hooks=("passive",) * 20), Run("hand-written")
CALLS = -(-SIZES["guide"].rows // SIZES["guide"].batch) * SIZES["guide"].epochs * len(OURS.hooks)
MANY = 3 * ROUNDS_PER_DIFFERENCE


class Contestants:
    """Answers from two lists and notes who was asked."""

    def __init__(self, over: list[float], under: list[float]) -> None:
        self.left = {OURS: [9.0, 9.0, *over], HAND: [9.0, 9.0, *under]}
        self.asked: list[str] = []

    def measure(self, run: Run) -> dict[str, float]:
        self.asked.append(run.who)
        return {"seconds": self.left[run].pop(0)}


@pytest.mark.parametrize(
    ("over", "under", "bounds", "value", "met"),
    [
        ([1, 8, 3], [1, 2, 1], {"most": 3.5}, 3, True),
        ([1, 8, 3], [1, 2, 1], {"most": 2.9}, 3, False),
        ([4, 4, 4], [1, 1, 1], {"least": 4}, 4, True),
        ([4, 4, 4], [1, 1, 1], {"least": 4.1}, 4, False),
        ([4, 4, 4], [1, 1, 1], {}, 4, None),
        ([CALLS] * MANY, [0] * MANY, {"most": 2e6, "of": "us_per_batch"}, 1e6, True),
    ],
)
def test_the_median_of_the_ratios_meets_its_bound_or_not(over, under, bounds, value, met):
    case = Case("name", "what", OURS, HAND, **bounds)
    result = measured(case, Contestants(over, under), rounds=3)
    assert (result["value"], result["met"]) == (value, met)


def test_extra_memory_is_counted_in_copies_of_the_state():
    asked = iter([0, 0, 0, 0, 0, MLP_STATE, 3 * MLP_STATE, 0])  # warm, then in turns

    class Memory:
        def measure(self, run):
            return {"seconds": 1.0, "bytes": next(asked)}

    result = measured(Case("name", "what", OURS, HAND, most=2, of="copies"), Memory(), rounds=2)
    assert (result["value"], result["highest"], result["met"]) == (2, 3, True)


def test_who_goes_first_changes_every_round():
    contestants = Contestants([1, 1], [1, 1])
    measured(Case("name", "what", OURS, HAND), contestants, rounds=2)
    warm = ["callbax", "hand-written"] * 2
    assert contestants.asked == [*warm, "hand-written", "callbax", "callbax", "hand-written"]


def test_the_table_tells_what_was_missed_what_failed_and_what_is_not_installed():
    missed = {"value": 1.2, "lowest": 1.1, "highest": 1.3, "rounds": 7}
    rows = list(
        table(
            [
                {"case": "guide-none-loop"} | missed,
                {"case": "guide-poutyne", "not_installed": "no such package"},
                {"case": "generator", "error": "it died"},
            ]
        )
    )
    assert [row.split("|", 3)[3] for row in rows[2:]] == [
        " 1.20 | 1.10 to 1.30 | 7 | **no** |",
        " not installed | | | |",
        " failed | | | |",
    ]


def test_a_selection_without_cases_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run", "--cases", "reading"])
    with pytest.raises(SystemExit):
        main()
    assert "no such case; there are guide-reading, guide-none" in capsys.readouterr().err


def test_names_of_cases_are_distinct():
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("name", PAGES)
def test_the_tables_of_the_pages_are_what_was_measured(name):
    text = (ROOT / name).read_text()
    assert page(text) == text
    assert page(text.replace("<!-- end -->", "| of yesterday |\n<!-- end -->")) == text


def test_a_result_takes_the_place_of_the_last_one_of_its_case_and_platform(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.report.RESULTS", tmp_path / "results")
    slow, fast, old, new = ({"case": "evaluate", "value": value} for value in (1, 2, 3, 4))
    cpu, gpu = {"platform": "cpu"}, {"platform": "gpu"}
    for result, machine in ((slow, cpu), (old, gpu), (fast, cpu), (new, gpu)):
        keep(result, machine)
    keep({"case": "predict", "error": "it died"}, cpu)
    assert results_on("cpu") == {"evaluate": fast | {"machine": cpu}}
    assert results_on("gpu") == {"evaluate": new | {"machine": gpu}}
    assert results_on("tpu") == {}


def test_a_curve_in_proportion_has_a_slope_of_one():
    assert slope((1, 10, 100, 200), [5.0, 5.0, 50.0, 100.0]) == pytest.approx(1)
    assert slope((1, 10, 100, 200), [5.0, 5.0, 5.0, 5.0]) == pytest.approx(0)


def test_what_is_told_to_a_contestant_is_what_it_runs():
    for case in CASES:
        for run in (case.over, case.under):
            assert Run.told(json.dumps(asdict(run))) == run
