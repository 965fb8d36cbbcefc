"""The same script under Ray Train, for whoever has no cluster engine yet.

    pip install "ray[train]"
    python examples/distributed/ray_train.py runs/exp1 --kill

Ray starts two workers here, and all of them again when one dies; ``--kill`` lets one die in the
middle, once, to see that. On GPUs and TPUs ``JaxTrainer`` joins the workers itself, and
``initialize`` does nothing; on CPUs it is told where the first one is.
"""

import argparse
import os
import signal
import socket
from pathlib import Path

import ray
import ray.train
from ray.train.collective import broadcast_from_rank_zero
from ray.train.v2.jax import JaxTrainer
from train import train

from callbax.callbacks import Callback
from callbax.distribution import initialize

HERE = Path(__file__).resolve().parent


def loop(config: dict[str, str]) -> None:
    """Runs in every worker."""
    context = ray.train.get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    initialize(broadcast_from_rank_zero(f"{ray.util.get_node_ip_address()}:{free()}"), size, rank)

    class DieOnce(Callback):
        """The second worker ends like one that runs out of memory, in its first life."""

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            died = Path(config["directory"], "died")
            if rank == 1 and epoch == 2 and config["kill"] and not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    loss = train(config["directory"], (DieOnce(),))
    ray.train.report({"loss": loss})
    if rank == 0:
        print(f"loss {loss:.6f} with {size} workers")


def free() -> int:
    """Returns a port that nobody uses."""
    with socket.socket() as found:
        found.bind(("", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", default="out/ray", type=Path)
    parser.add_argument("--kill", action="store_true")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    directory = str(arguments.directory.resolve())
    path = f"{HERE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"  # where workers find train.py
    environment = {"JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax", "PYTHONPATH": path}
    ray.init(include_dashboard=False, runtime_env={"env_vars": environment})
    trainer = JaxTrainer(
        loop,
        train_loop_config={"directory": directory, "kill": "yes" if arguments.kill else ""},
        scaling_config=ray.train.ScalingConfig(num_workers=2),
        run_config=ray.train.RunConfig(
            storage_path=f"{directory}/ray",
            failure_config=ray.train.FailureConfig(max_failures=1),
        ),
    )
    trainer.fit()
