import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from sagemaker.core.config import load_sagemaker_config, validate_sagemaker_config

from localcloud import environment, keys
from training.arguments import parse
from training.config import REGION_VARIABLE, YES_VARIABLE


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user with an account, a profile, an endpoint of their own and a proxy."""
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-1\nendpoint_url = https://example.com\n[profile work]\n")
    leaks = {
        "AWS_CONFIG_FILE": str(config),
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "https://example.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "HTTP_PROXY": "http://proxy.example.com",
        "NO_PROXY": "intranet",
    }
    for name, value in leaks.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The directory of a cloud that has started once."""
    keys.make(tmp_path)
    return tmp_path


def test_nothing_of_the_user_s_account_leaks_in(user: None, state: Path) -> None:
    made = environment.client_environment(state, 4599)
    assert {name: made[name] for name in made if name.startswith("AWS_")} == {
        name: value for name, value in environment.client_variables(state, 4599).items() if name.startswith("AWS_")
    }
    assert made["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4599"


def test_clients_go_to_the_local_cloud(user: None, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = environment.client_environment(state, 4599)
    for name in os.environ.keys() - made.keys():
        monkeypatch.delenv(name)
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.Session().client("s3")
    assert (s3.meta.endpoint_url, s3.meta.region_name) == ("http://127.0.0.1:4599", environment.REGION)


def test_a_proxy_is_not_asked_for_this_machine(user: None, state: Path) -> None:
    made = environment.client_environment(state, 4599)
    assert made["NO_PROXY"] == made["no_proxy"] == "intranet,127.0.0.1"


def test_programs_of_this_virtual_environment_come_first(state: Path) -> None:
    made = environment.client_environment(state, 4599)
    found = subprocess.run(["python", "-c", "import sys; print(sys.prefix)"], env=made, capture_output=True, text=True)
    assert found.stdout.strip() == sys.prefix


def test_the_server_keeps_everything_under_its_directory(tmp_path: Path) -> None:
    made = environment.server_environment(4599, tmp_path)
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR"):
        assert Path(made[name]).is_relative_to(tmp_path)
    assert made["AUTH"] == "true"


def test_the_steps_ask_nobody_and_take_the_cloud_s_region(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = environment.client_variables(state, 4599)
    assert (made[YES_VARIABLE], made[REGION_VARIABLE]) == ("1", environment.REGION)
    for name in (YES_VARIABLE, REGION_VARIABLE):
        monkeypatch.setenv(name, made[name])
    arguments = parse(["train"])
    assert (arguments.yes, arguments.region) == (True, environment.REGION)


def test_the_sagemaker_sdk_has_the_cloud_s_configuration(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.client_variables(state, 4599).items():
        monkeypatch.setenv(name, value)
    loaded = load_sagemaker_config()
    session = {"DefaultS3Bucket": f"sagemaker-{environment.REGION}-{environment.ACCOUNT_ID}"}
    validate_sagemaker_config(loaded)
    assert loaded["SageMaker"]["PythonSDK"]["Modules"] == {"TelemetryOptOut": True, "Session": session}


def test_clients_have_the_cloud_s_own_keys(state: Path) -> None:
    made, root = environment.client_variables(state, 4599), keys.load(state)
    assert (made["AWS_ACCESS_KEY_ID"], made["AWS_SECRET_ACCESS_KEY"]) == (root.access_key_id, root.secret_access_key)


def test_the_server_has_no_variable_of_the_shell_and_no_key(
    user: None, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    made = environment.server_environment(4599, state)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    assert environment.server_environment(4599, state) == made
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} & made.keys()


def test_the_server_allows_as_many_invocations_at_once_as_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBDA_ACCOUNT_CONCURRENCY", raising=False)
    assert environment.server_environment(4599, tmp_path)["LAMBDA_ACCOUNT_CONCURRENCY"] == "1000"
    monkeypatch.setenv("LAMBDA_ACCOUNT_CONCURRENCY", "7")
    assert environment.server_environment(4599, tmp_path)["LAMBDA_ACCOUNT_CONCURRENCY"] == "7"


def test_the_server_is_told_which_corrections_to_leave_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALCLOUD_WITHOUT", "name_the_namespace_to_policies")
    assert environment.server_environment(4599, tmp_path)["LOCALCLOUD_WITHOUT"] == "name_the_namespace_to_policies"


def test_ministack_knows_every_service_that_is_asked_for(tmp_path: Path) -> None:
    from ministack.app import SERVICE_NAME_ALIASES, SERVICE_REGISTRY

    asked = environment.server_environment(4599, tmp_path)["SERVICES"].split(",")
    assert {SERVICE_NAME_ALIASES.get(name, name) for name in asked} <= SERVICE_REGISTRY.keys()
