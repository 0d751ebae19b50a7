"""Command line: `python -m localcloud up|down|status|env|exec|reset|logs`."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from localcloud import LocalCloudError, process
from localcloud.environment import client_environment, client_variables, endpoint_url

STATE = Path(".localcloud")


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(
        prog="python -m localcloud", description="The AWS that runs on this machine, on one port of 127.0.0.1."
    )
    main.add_argument(
        "--directory", type=Path, default=STATE, help="where its state and log are kept (default %(default)s)"
    )
    port = argparse.ArgumentParser(add_help=False)
    port.add_argument("--port", type=int, help="to listen on (default: the one it had, 4566, or one that is free)")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", parents=[port], help="start it")
    commands.add_parser("down", help="stop it; its state is kept")
    commands.add_parser("status", help="tell whether it runs, where, and what runs the functions")
    commands.add_parser("env", help='print export lines for a shell: eval "$(python -m localcloud env)"')
    run = commands.add_parser(
        "exec", parents=[port], help="start it if need be and run a command against it: exec -- CMD ARG ..."
    )
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD ARG ...")
    commands.add_parser("reset", help="stop it and forget everything in it")
    commands.add_parser("logs", help="print its log")
    commands.add_parser("serve")  # what `up` starts
    return main


def up(options: argparse.Namespace) -> int:
    cloud = process.up(options.directory, options.port)
    print(f"The local cloud answers on {endpoint_url(cloud.port)} (log: {process.log_path(options.directory)})")
    return 0


def down(options: argparse.Namespace) -> int:
    print("Stopped." if process.down(options.directory) else "The local cloud does not run.")
    return 0


def status(options: argparse.Namespace) -> int:
    cloud = process.running(options.directory)
    if cloud is None:
        print("The local cloud does not run: start it with `python -m localcloud up`.")
        return 1
    runtime = "awslambdaric, AWS's runtime client" if sys.platform == "linux" else "MiniStack's own Python worker"
    print(
        f"The local cloud answers on {endpoint_url(cloud.port)} (process {cloud.pid}); functions are run by {runtime}."
    )
    return 0


def env(options: argparse.Namespace) -> int:
    cloud = process.running(options.directory)
    if cloud is None:
        raise LocalCloudError("The local cloud does not run: start it with `python -m localcloud up`.")
    for name, value in client_variables(cloud.port).items():
        print(f"export {name}={shlex.quote(value)}")
    print("unset AWS_PROFILE AWS_SESSION_TOKEN")
    return 0


def run(options: argparse.Namespace) -> int:
    command = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not command:
        raise LocalCloudError("exec needs a command: `python -m localcloud exec -- CMD ARG ...`.")
    environment = client_environment(process.up(options.directory, options.port).port)
    try:
        os.execvpe(command[0], command, environment)
    except OSError as err:
        raise LocalCloudError(f"Cannot run {command[0]}: {err.strerror}.") from err


def reset(options: argparse.Namespace) -> int:
    process.reset(options.directory)
    print("The local cloud is stopped and empty.")
    return 0


def logs(options: argparse.Namespace) -> int:
    path = process.log_path(options.directory)
    if not path.exists():
        raise LocalCloudError(f"There is no log {path}: the local cloud was not started here.")
    sys.stdout.write(path.read_text(errors="replace"))
    return 0


def serve(options: argparse.Namespace) -> int:
    process.supervise()
    return 0


COMMANDS = {
    "up": up, "down": down, "status": status, "env": env, "exec": run, "reset": reset, "logs": logs, "serve": serve,
}  # fmt: skip


def main() -> int:
    options = parser().parse_args()
    try:
        return COMMANDS[options.command](options)
    except LocalCloudError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
