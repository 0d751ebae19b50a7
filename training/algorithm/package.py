"""The code that serves a model, in the model's archive.

SageMaker's hosting starts an image with the argument `serve` and offers no other entrypoint. Where the image's start
script evaluates its arguments in bash, as that of AWS's PyTorch image does, `BASH_ENV=/opt/ml/model/code/container.sh`
gives `serve` a meaning.
"""

import shutil
from pathlib import Path

CODE_DIRECTORY = "code"  # in model/
START_FILE = "container.sh"
PACKAGE = "algorithm"
START = """\
# bash reads this file whenever it starts in the container (BASH_ENV), so it only says what `serve` does.
serve() { cd "${BASH_SOURCE[0]%/*}" && exec python -m algorithm serve; }
"""


def write_package(directory: Path) -> None:
    """Write this package and the file that starts it into `code/` of a model's directory."""
    code = directory / CODE_DIRECTORY
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(__file__).parent, code / PACKAGE, ignore=ignored, dirs_exist_ok=True)
    (code / START_FILE).write_text(START)
