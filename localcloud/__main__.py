"""Command line: `python -m localcloud up|down|status|env|exec|reset|logs`."""

import argparse
import os
import shlex
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil

from localcloud import LocalCloudError, process
from localcloud.environment import client_environment, client_variables, endpoint_url, leaks

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
    commands.add_parser("status", help="tell whether it runs, where, how long, and what runs the functions")
    commands.add_parser("env", help='print export lines for a shell: eval "$(python -m localcloud env)"')
    run = commands.add_parser(
        "exec", parents=[port], help="start it if need be and run a command against it: exec -- CMD ARG ..."
    )
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD ARG ...")
    commands.add_parser("reset", help="stop it and forget everything in it")
    log = commands.add_parser("logs", help="print its log")
    log.add_argument("--follow", action="store_true", help="go on printing what is added, until Ctrl-C")
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
    processes = [one for one in process.processes(options.directory) if one.is_running()]
    uptime = timedelta(seconds=round(time.time() - psutil.Process(cloud.pid).create_time()))
    memory = sum(one.memory_info().rss for one in processes) / 1e6
    runtime = "awslambdaric, AWS's runtime client" if sys.platform == "linux" else "MiniStack's own Python worker"
    print(f"The local cloud answers on {endpoint_url(cloud.port)}")
    print(f"process    {cloud.pid}, up for {uptime}")
    print(f"memory     {memory:.0f} MB in {len(processes)} processes, the functions' own not counted")
    print(f"functions  run by {runtime}")
    print(f"state      {options.directory.resolve()}")
    return 0


def env(options: argparse.Namespace) -> int:
    cloud = process.running(options.directory)
    if cloud is None:
        raise LocalCloudError("The local cloud does not run: start it with `python -m localcloud up`.")
    variables = client_variables(cloud.port)
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    for name in sorted({"AWS_PROFILE", "AWS_SESSION_TOKEN"} | leaks(os.environ) - variables.keys()):
        print(f"unset {name}")
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
    if options.follow:
        os.execvp("tail", ["tail", "-n", "+1", "-F", str(path)])
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
    except KeyboardInterrupt:
        return 130  # as shells report Ctrl-C


if __name__ == "__main__":
    sys.exit(main())
