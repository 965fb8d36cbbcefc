"""livelossplot's Keras callback."""

import pytest
from tests.thirdparty._run import EPOCHS, fit, with_keras


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:livelossplot")
def test_it_draws_and_prints_every_epoch(optional, make, capsys, tmp_path):
    livelossplot = optional("livelossplot")
    plotted = []
    for each in with_keras(make):
        path = tmp_path / f"{each.__name__}.png"
        drawn = livelossplot.outputs.MatplotlibPlot(figpath=str(path))
        outputs = [drawn, livelossplot.outputs.ExtremaPrinter()]
        plot = livelossplot.PlotLossesKeras(outputs=outputs, mode="notebook")
        capsys.readouterr()
        history = fit(each(), plot).history.history
        printed = capsys.readouterr().out
        assert path.read_bytes().startswith(b"\x89PNG")
        logged = plot.liveplot.logger.log_history
        assert [item.value for item in logged["loss"]] == history["loss"]
        assert [item.step for item in logged["val_mae"]] == list(range(EPOCHS))
        assert printed.count("validation") >= EPOCHS
        plotted.append({name: [item.value for item in items] for name, items in logged.items()})
    assert all(one == plotted[0] for one in plotted)
