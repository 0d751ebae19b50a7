"""The container's entry point: `train` or `serve`, the two words that SageMaker starts a container with."""

import sys


def main() -> int:
    """Run the program that the one argument names and return its exit code (2: wrong usage)."""
    match sys.argv[1:]:
        case ["train"]:
            from .train import main as train  # only this one needs torch

            return train()
        case ["serve"]:
            from .serve import main as serve

            return serve()
    print("usage: python -m algorithm train|serve", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
