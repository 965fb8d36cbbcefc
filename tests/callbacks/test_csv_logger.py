import stat

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

from callbax.callbacks import CSVLogger

VALIDATED = [{"loss": 0.5, "val_loss": 0.25}, {"loss": 1e-7, "val_loss": float("nan")}]


@pytest.mark.parametrize(
    ("logs", "options"),
    [
        (VALIDATED, {}),
        (VALIDATED, {"separator": ";"}),
        (VALIDATED, {"append": True}),
        ([{"val_b": 1, "b": np.float32(0.1), "a": "x,y"}], {}),
        ([{"val_a": 1.0, "a": np.array([1, 2])}, {"val_a": [], "a": ("x", 1)}], {}),
        ([{"val_a": np.array(1.0), "a": 2.0}, {"val_a": 3.0}], {}),
    ],
)
def test_writes_the_bytes_that_keras_writes(logs, options, tmp_path):
    paths = []
    for logger_class in (keras.callbacks.CSVLogger, CSVLogger):
        paths.append(tmp_path / logger_class.__module__)
        logger = logger_class(paths[-1], **options)
        fit(logger, FakeModel(), logs)
        fit(logger, FakeModel(), logs)
    assert paths[1].read_bytes() == paths[0].read_bytes()


@pytest.mark.parametrize(
    ("logs", "text"),
    [
        ([{"loss": 1, "mae": 2}], "epoch,loss,mae\n0,1,2\n"),
        ([{"loss": 1}, {"loss": 2, "val_loss": 3}], "epoch,loss,val_loss\n0,1,NA\n1,2,3\n"),
        (
            [{"loss": 1}, {"b": 2, "a": 3}, {"c": "x,y", "loss": 4}],
            'epoch,loss,a,b,c\n0,1,NA,NA,NA\n1,NA,3,2,NA\n2,4,NA,NA,"x,y"\n',
        ),
        ([{}], "epoch\n0\n"),
        ([], ""),
    ],
)
def test_columns_are_those_that_exist(logs, text, tmp_path):
    path = tmp_path / "log.csv"
    fit(CSVLogger(path), FakeModel(), logs)
    assert path.read_text() == text


def test_append_keeps_to_the_columns_of_the_file(tmp_path):
    path = tmp_path / "log.csv"
    fit(CSVLogger(path), FakeModel(), [{"loss": 1, "mae": 2}])
    fit(CSVLogger(path, append=True), FakeModel(), [{"acc": 3, "loss": 4}])
    assert path.read_text() == "epoch,loss,mae,acc\n0,1,2,NA\n0,4,NA,3\n"


@pytest.mark.parametrize("text", ["loss,epoch\n", "0;1\n"])
def test_append_refuses_a_file_that_is_not_its_own(text, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"append=True\)`: expected a file whose first column is "
                       r'"epoch", received .*\n.*append=False'):  # fmt: skip
        fit(CSVLogger(path, append=True), FakeModel(), [{"loss": 1}])
    assert path.read_text() == text


def test_widening_keeps_links_and_modes_and_leaves_nothing_behind(tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.touch(mode=0o640)
    link.symlink_to(real)
    fit(CSVLogger(link), FakeModel(), [{"a": 1}, {"b": 2}])
    assert link.is_symlink()
    assert real.read_text() == "epoch,a,b\n0,1,NA\n1,NA,2\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(tmp_path.iterdir()) == [link, real]


def test_an_unwritable_path_fails_before_the_first_epoch(tmp_path):
    with pytest.raises(FileNotFoundError):
        CSVLogger(tmp_path / "missing" / "log.csv").on_train_begin({})


def test_goes_on_from_its_state_and_drops_rows_after_it(tmp_path):
    path = tmp_path / "log.csv"
    logger = CSVLogger(path)
    fit(logger, FakeModel(), [{"a": 1}])
    state = logger.state_dict()
    logger.on_epoch_end(1, {"a": 2, "lost": 3})
    resumed = CSVLogger(path)
    resumed.on_train_begin({})
    resumed.load_state_dict(state)
    resumed.on_epoch_end(1, {"a": 4})
    assert path.read_text() == "epoch,a\n0,1\n1,4\n"


ROWS = "epoch,loss,mae\r\n0,0.5,1.5\r\n1,0.25,1.25\r\n"


@pytest.mark.filterwarnings("ignore:.*the last row was cut")
@pytest.mark.parametrize("cut", range(len(ROWS) + 1))
def test_a_file_that_was_cut_anywhere_is_mended(cut, tmp_path):
    """Whole rows stay, a cut one goes, and what is added is a table with them."""
    path = tmp_path / "log.csv"
    path.write_bytes(ROWS[:cut].encode())
    fit(CSVLogger(path, append=True), FakeModel(), [{"loss": 9.0, "mae": 8.0}])
    whole = ROWS[:cut].count("\r") - 1  # A row without its last line feed is whole.
    rows = ROWS.splitlines(keepends=True)[1 : 1 + max(0, whole)]
    assert path.read_bytes().decode() == "epoch,loss,mae\r\n" + "".join(rows) + "0,9.0,8.0\r\n"


def test_a_cut_row_is_warned_about_when_it_is_taken_away(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(ROWS[:-4].encode())
    with pytest.warns(UserWarning, match="the last row was cut"):
        CSVLogger(path, append=True).on_train_begin()


def test_a_file_of_another_writer_only_gets_the_end_of_its_line(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n0,0.5\n1,0.25")
    fit(CSVLogger(path, append=True), FakeModel(), [{"loss": 9.0}])
    assert path.read_text() == "epoch,loss\n0,0.5\n1,0.25\n0,9.0\n"


def test_a_cut_character_is_mended(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes("epoch,größe\r\n0,1\r\n1,".encode() + "ö".encode()[:1])
    with pytest.warns(UserWarning, match="the last row was cut"):
        fit(CSVLogger(path, append=True), FakeModel(), [{"größe": 2}])
    assert path.read_text(encoding="utf-8") == "epoch,größe\n0,1\n0,2\n"
