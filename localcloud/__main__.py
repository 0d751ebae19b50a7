"""Command line of the local cloud: `localcloud up|down|status|env|exec|reset|logs`."""

import argparse
import os
import shlex
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil

from commandline.parser import Parser
from localcloud import LocalCloudError, files, instances, process, supervisor
from localcloud.environment import client_environment, client_variables, endpoint_url, leaks
from localcloud.instances import COMMAND

STATE = Path(".localcloud")


def command_line() -> Parser:
    """Return the parser of `localcloud`."""
    parser = Parser(prog=COMMAND, description="The AWS that runs on this machine, on one port of 127.0.0.1.")
    parser.add_argument(
        "--directory", type=Path, default=STATE, help="where its state and log are kept (default %(default)s)"
    )
    port = Parser(add_help=False)
    port.add_argument("--port", type=int, help="to listen on (default: that of the last run, else 4566 or a free one)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", parents=[port], help="start it")
    commands.add_parser("down", help="stop it and keep its state")
    commands.add_parser("status", help="show whether it runs, on which port, since when, and with how much memory")
    commands.add_parser("env", help=f'print export lines for a shell: eval "$({COMMAND} env)"')
    run = commands.add_parser("exec", parents=[port], help="start it unless it runs, then run a command against it")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD ARG ...")
    commands.add_parser("reset", help="stop it and delete everything in it")
    add_logs(commands.add_parser("logs", help="print the logs of functions, training jobs, endpoints and the server"))
    commands.add_parser("serve", description=f"What `{COMMAND} up` starts in the background.")
    return parser


def add_logs(parser: argparse.ArgumentParser) -> None:
    kinds = ("all", "functions", "jobs", "endpoints", "server")
    parser.add_argument("kind", nargs="?", choices=kinds, default="all", help="whose logs: %(choices)s", metavar="KIND")
    parser.add_argument("name", nargs="?", default="", help="only those whose name contains this", metavar="NAME")
    parser.add_argument("--follow", action="store_true", help="keep printing new lines until Ctrl-C")


def up(options: argparse.Namespace) -> int:
    cloud = process.up(options.directory, options.port)
    print(f"The local cloud answers on {endpoint_url(cloud.port)} (log: {instances.log_path(options.directory)})")
    show_damaged(options.directory)
    return 0


def show_damaged(state: Path) -> None:
    for path in files.damaged(state):
        print(f"Damaged and set aside: {path}. Delete it when you do not need what is left of it.", file=sys.stderr)


def down(options: argparse.Namespace) -> int:
    print("Stopped." if process.down(options.directory) else "The local cloud does not run.")
    return 0


def status(options: argparse.Namespace) -> int:
    cloud = instances.require_running(options.directory)
    processes = [one for one in instances.processes(options.directory) if one.is_running()]
    uptime = timedelta(seconds=round(time.time() - psutil.Process(cloud.pid).create_time()))
    memory = sum(one.memory_info().rss for one in processes) / 1e6
    runtime = "awslambdaric, AWS's runtime client" if sys.platform == "linux" else "MiniStack's own Python worker"
    print(f"The local cloud answers on {endpoint_url(cloud.port)}")
    print(f"process    {cloud.pid}, up for {uptime}")
    print(f"memory     {memory:.0f} MB in {len(processes)} processes, without those of the functions")
    print(f"functions  run by {runtime}")
    print(f"state      {options.directory.resolve()}")
    show_damaged(options.directory)
    return 0


def env(options: argparse.Namespace) -> int:
    variables = client_variables(options.directory, instances.require_running(options.directory).port)
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    for name in sorted({"AWS_PROFILE", "AWS_SESSION_TOKEN"} | leaks(os.environ) - variables.keys()):
        print(f"unset {name}")
    return 0


def run(options: argparse.Namespace) -> int:
    command = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not command:
        raise LocalCloudError(f"exec needs a command: `{COMMAND} exec -- CMD ARG ...`.")
    environment = client_environment(options.directory, process.up(options.directory, options.port).port)
    try:
        os.execvpe(command[0], command, environment)
    except OSError as err:
        raise LocalCloudError(f"Cannot run {command[0]}: {err.strerror}.") from err


def reset(options: argparse.Namespace) -> int:
    process.reset(options.directory)
    print("The local cloud is stopped and empty.")
    return 0


def logs(options: argparse.Namespace) -> int:
    from localcloud import log_viewer  # imports boto3, which takes half a second

    log_viewer.show(log_viewer.find(options.directory, options.kind), options.name, options.follow)
    return 0


def serve(options: argparse.Namespace) -> int:
    supervisor.supervise()
    return 0


COMMANDS = {
    "up": up,
    "down": down,
    "status": status,
    "env": env,
    "exec": run,
    "reset": reset,
    "logs": logs,
    "serve": serve,
}


def main() -> int:
    options = command_line().parse_args()
    try:
        return COMMANDS[options.command](options)
    except LocalCloudError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # as shells report Ctrl-C
    except BrokenPipeError:  # `localcloud logs | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes stdout once more when it exits
        return 0


if __name__ == "__main__":
    sys.exit(main())
