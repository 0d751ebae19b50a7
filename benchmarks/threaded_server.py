"""The endpoint's serving program with one worker, whose ONNX Runtime splits each request among several threads.

    python benchmarks/threaded_server.py THREADS

It is what the endpoint is compared with: its own workers give ONNX Runtime one thread each.
"""

import functools
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # training/ is imported from the checkout

from training.algorithm import serve

serve_with_one_thread = serve.serve


def serve_with_threads(*arguments: Any) -> int:
    """Do what a worker does. The model is imported after the fork: see training/algorithm/workers.py."""
    from training.algorithm import model

    setattr(model, "Model", functools.partial(model.Model, threads=int(sys.argv[1])))  # noqa: B010  # serve() imports it by this name
    return serve_with_one_thread(*arguments)


if __name__ == "__main__":
    setattr(serve, "serve", serve_with_threads)  # noqa: B010  # main() looks it up by this name
    sys.exit(serve.main())
