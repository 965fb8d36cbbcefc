"""The driver of the benchmarks, with contestants that answer at once."""

import pytest
from benchmarks.cases import CASES, SIZES, Case, Run
from benchmarks.run import ROUNDS_PER_DIFFERENCE, main, measured, table

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


def test_who_goes_first_changes_every_round():
    contestants = Contestants([1, 1], [1, 1])
    measured(Case("name", "what", OURS, HAND), contestants, rounds=2)
    warm = ["callbax", "hand-written"] * 2
    assert contestants.asked == [*warm, "hand-written", "callbax", "callbax", "hand-written"]


def test_the_table_tells_what_was_missed_what_failed_and_what_is_not_installed():
    missed = {"required": "≤ 1.1", "value": 1.2, "lowest": 1.1, "highest": 1.3, "met": False}
    rows = list(
        table(
            [
                {"case": "guide-none-loop"} | missed,
                {"case": "guide-poutyne", "not_installed": "no such package"},
                {"case": "generator", "required": "≥ 1.5", "error": "it died"},
            ]
        )
    )
    assert [row.split("|", 3)[3] for row in rows[2:]] == [
        " 1.20 | 1.10 to 1.30 | **no** |",
        " not installed | | |",
        " failed | | |",
    ]


def test_a_selection_without_cases_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run", "--cases", "reading"])
    with pytest.raises(SystemExit):
        main()
    assert "no such case; there are guide-reading, guide-none" in capsys.readouterr().err


def test_names_of_cases_are_distinct():
    assert len({case.name for case in CASES}) == len(CASES)
