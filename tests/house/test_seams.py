"""Things of which there is one place each."""

import re
from pathlib import Path

import pytest

import callbax

ROOT = Path(callbax.__file__).parent
PLACES = {
    r"\bdevice_put\(|(?<!`)\bjax\.devices\(|\bdefault_backend\(": {
        "_data/_placement.py",
        "_data/_mesh_placement.py",
        "distribution/_layout.py",
        "distribution/_mesh.py",
    },
    r"\bwarnings\.warn\(|\bstacklevel\b": {"_core/_warnings.py"},
    r"\"_raw_value\"": {"_modules/_nnx_live.py"},
    r"f\"_implements_|\"_is_default\"": {"_core/_hooks.py", "callbacks/_checks.py"},
    r"isinstance\([^)]*\b(np\.integer|Integral)\b": {
        "_core/_arguments.py",
        "initializers/_seeded.py",
    },
    # What is said of devices to users, and where their arrays are.
    r"\bNamedSharding\(|\bwith_sharding_constraint\(": {
        "_data/_mesh_placement.py",
        "distribution/_layout.py",
    },
    r"(?m)^(from|import) flax\b": {
        *(
            f"_modules/{name}.py"
            for name in ("_linen", "_nnx", "_nnx_live", "_nnx_lost", "_nnx_parts", "_stack")
        ),
        "_modules/_nnx_inventory.py",
        "_modules/_captured.py",
        "_modules/_layer_keys.py",
        "_modules/_nnx_build.py",
        "backend/variables.py",
        *(
            f"layers/_{name}.py"
            for name in ("containers", "copies", "layer", "layer_type", "members", "weight")
        ),
        *(f"layers/{name}.py" for name in ("core", "recurrent", "regularization")),
        "models/_sequential.py",
    },
}
"""What is done -> where alone it may be done."""


@pytest.mark.parametrize("pattern", PLACES)
def test_it_is_done_in_its_place_alone(pattern):
    used = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if re.search(pattern, path.read_text())
    }
    assert used == PLACES[pattern]
