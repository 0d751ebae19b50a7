"""The container's entry point: `train` or `serve`, the argument with which SageMaker starts a container."""

import sys


def main() -> int:
    """Run the program that the argument names and return its exit code; 2 means wrong usage."""
    match sys.argv[1:]:
        case ["train"]:
            from .train import main as train  # only `train` needs torch

            return train()
        case ["serve"]:
            from .serve import main as serve

            return serve()
    print("usage: python -m algorithm train|serve", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
