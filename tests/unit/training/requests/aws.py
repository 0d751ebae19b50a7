"""An AWS that answers the requests of a run as if the stack were deployed: objects, jobs, endpoints, executions."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name
from botocore.response import StreamingBody

from training.config import inference_id
from training.traffic.uploads import verdict_name

ACCOUNT = "123456789012"
NAME = "scones-unlimited"  # of the stack and its endpoint
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOG = ["Epoch[0] Train-accuracy=0.5", "Epoch[0] Validation-accuracy=0.75"]
Parameters = dict[str, Any]


def refusal(code: str, message: str) -> Parameters:
    return {"Error": {"Code": code, "Message": message}}


MISSING = refusal("ResourceNotFoundException", "Schedule does not exist.")


class Aws:
    """The services of an account in one region; each operation is a method `<service>_<operation>`."""

    def __init__(self, partition: str, region: str) -> None:
        self.partition = partition
        self.region = region
        self.bucket = f"{NAME}-{ACCOUNT}-{region}"
        self.objects = dict.fromkeys(("images/train/stale.png", "lists/stale.lst"), b"of an earlier dataset")
        self.objects["mine/photo.png"] = b"of somebody else"
        self.log_groups: set[str] = set()
        self.running: set[str] = set()  # training jobs; others have ended
        self.runs_of_monitor: list[str] = []  # processing jobs that are under way
        self.executions: dict[str, Parameters] = {}
        self.alarms: dict[str, Parameters] = {}
        self.schedules: dict[str, Parameters] = {}
        self.made: dict[str, Parameters] = {}  # SageMaker's resources by ARN: the requests that made them

    def answer(self, service: str, operation: str, parameters: Parameters) -> Parameters:
        """Return the parsed reply to a request."""
        method = f"{service.replace('-', '_')}_{xform_name(operation)}"
        reply: Parameters = getattr(self, method)(parameters)
        return reply

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        return f"arn:{self.partition}:{service}:{self.region if region is None else region}:{ACCOUNT}:{resource}"

    # What is asked before anything costs ---------------------------------------------------------------------------

    def service_quotas_list_service_quotas(self, _: Parameters) -> Parameters:
        quotas = ("ml.m5.large", "ml.m5.xlarge", "ml.g4dn.xlarge")
        usages = ("training job usage", "endpoint usage")
        names = [f"{instance_type} for {usage}" for instance_type in quotas for usage in usages]
        return {"Quotas": [{"QuotaName": name, "QuotaCode": "L-1", "Value": 20.0} for name in names]}

    def sts_get_caller_identity(self, _: Parameters) -> Parameters:
        return {"Arn": self.arn("sts", "assumed-role/person/session", region="")}

    def iam_get_role(self, parameters: Parameters) -> Parameters:
        return {"Role": {"Arn": self.arn("iam", f"role/{parameters['RoleName']}", region="")}}

    def iam_simulate_principal_policy(self, parameters: Parameters) -> Parameters:
        allowed = [{"EvalActionName": name, "EvalDecision": "allowed"} for name in parameters["ActionNames"]]
        return {"EvaluationResults": allowed}

    # The endpoint's expiry -----------------------------------------------------------------------------------------

    def scheduler_create_schedule(self, parameters: Parameters) -> Parameters:
        self.schedules[parameters["Name"]] = parameters
        return {}

    def scheduler_update_schedule(self, parameters: Parameters) -> Parameters:
        found = parameters["Name"] in self.schedules
        return self.scheduler_create_schedule(parameters) if found else MISSING

    def scheduler_get_schedule(self, parameters: Parameters) -> Parameters:
        return self.schedules.get(parameters["Name"], MISSING)

    def scheduler_delete_schedule(self, parameters: Parameters) -> Parameters:
        return {} if self.schedules.pop(parameters["Name"], None) else MISSING

    # Several instances ---------------------------------------------------------------------------------------------

    def cloudwatch_put_metric_alarm(self, parameters: Parameters) -> Parameters:
        self.alarms[parameters["AlarmName"]] = parameters
        return {}

    def cloudwatch_describe_alarms(self, parameters: Parameters) -> Parameters:
        return {"MetricAlarms": [self.alarms[name] for name in parameters["AlarmNames"] if name in self.alarms]}

    def cloudwatch_delete_alarms(self, parameters: Parameters) -> Parameters:
        for name in parameters["AlarmNames"]:
            del self.alarms[name]
        return {}

    def application_autoscaling_describe_scalable_targets(self, _: Parameters) -> Parameters:
        return {"ScalableTargets": []}

    def application_autoscaling_register_scalable_target(self, _: Parameters) -> Parameters:
        return {}

    def application_autoscaling_put_scaling_policy(self, _: Parameters) -> Parameters:
        return {}

    def application_autoscaling_deregister_scalable_target(self, _: Parameters) -> Parameters:
        return {}

    # CloudFormation, Lambda, logs ----------------------------------------------------------------------------------

    def cloudformation_describe_stacks(self, _: Parameters) -> Parameters:
        outputs = {
            "BucketName": self.bucket,
            "SageMakerRoleArn": self.arn("iam", f"role/{NAME}-sageMakerRole-1", region=""),
            "WatchRoleArn": self.arn("iam", f"role/{NAME}-watchRole-1", region=""),
            "ExpiryRoleArn": self.arn("iam", f"role/{NAME}-expiryRole-1", region=""),
            "Endpoint": NAME,
            "StateMachineArn": self.arn("states", f"stateMachine:{NAME}-imageClassification"),
            "BatchStateMachineArn": self.arn("states", f"stateMachine:{NAME}-batchClassification"),
            "UploadStateMachineArn": self.arn("states", f"stateMachine:{NAME}-uploadClassification"),
            "Threshold": "0.93",
        }
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": outputs[key]} for key in outputs]}]}

    def lambda_get_account_settings(self, _: Parameters) -> Parameters:
        return {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}}

    def logs_describe_log_streams(self, parameters: Parameters) -> Parameters:
        return {"logStreams": [{"logStreamName": f"{parameters.get('logStreamNamePrefix', '')}algo-1-1"}]}

    def logs_get_log_events(self, parameters: Parameters) -> Parameters:
        events = [] if "nextToken" in parameters else [{"message": line} for line in LOG]
        return {"events": events, "nextForwardToken": "f/1"}

    def logs_describe_log_groups(self, parameters: Parameters) -> Parameters:
        names = sorted(name for name in self.log_groups if name.startswith(parameters["logGroupNamePrefix"]))
        return {"logGroups": [{"logGroupName": name} for name in names]}

    def logs_delete_log_stream(self, _: Parameters) -> Parameters:
        return {}

    def logs_delete_log_group(self, parameters: Parameters) -> Parameters:
        self.log_groups.remove(parameters["logGroupName"])
        return {}

    # S3 ------------------------------------------------------------------------------------------------------------

    def s3_list_objects_v2(self, parameters: Parameters) -> Parameters:
        prefix, after = parameters.get("Prefix", ""), parameters.get("StartAfter", "")
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        if parameters.get("Delimiter"):
            folders = {prefix + key.removeprefix(prefix).split("/")[0] + "/" for key in keys}
            return {"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)]}
        return {"Contents": [{"Key": key, "ETag": '"0"', "Size": len(self.objects[key])} for key in keys]}

    def s3_list_object_versions(self, parameters: Parameters) -> Parameters:
        keys = [key for key in sorted(self.objects) if key.startswith(parameters.get("Prefix", ""))]
        return {"Versions": [{"Key": key, "VersionId": "null", "Size": 3} for key in keys]}

    def s3_get_object(self, parameters: Parameters) -> Parameters:
        content = self.objects[parameters["Key"]]
        return {"Body": StreamingBody(io.BytesIO(content), len(content))}

    def s3_put_object(self, parameters: Parameters) -> Parameters:
        key = parameters["Key"]
        self.objects[key] = b"any"
        if key.startswith("incoming/"):  # it is classified
            verdict = {"s3_key": key, "accepted": True, "class": 0, "confidence": 0.98}
            where = f"verdicts/uploads/date={datetime.now(UTC):%Y-%m-%d}/{verdict_name(key, 'v')}"
            self.objects[where] = json.dumps(verdict).encode()
        return {"VersionId": "v", "ETag": '"0"'}

    def s3_delete_objects(self, parameters: Parameters) -> Parameters:
        for one in parameters["Delete"]["Objects"]:
            self.objects.pop(one["Key"], None)
        return {}

    # SageMaker -----------------------------------------------------------------------------------------------------

    def of(self, kind: str) -> Mapping[str, Parameters]:
        """Return the requests that made the resources of a kind, by ARN."""
        return {arn: made for arn, made in self.made.items() if arn.split(":", 5)[5].startswith(f"{kind}/")}

    def make(self, kind: str, name: str, parameters: Parameters) -> Parameters:
        self.made[self.arn("sagemaker", f"{kind}/{name}")] = parameters
        return {}

    def found(self, kind: str, name: str) -> tuple[str, Parameters] | None:
        arn = self.arn("sagemaker", f"{kind}/{name}")
        return (arn, self.made[arn]) if arn in self.made else None

    def sagemaker_list_tags(self, parameters: Parameters) -> Parameters:
        return {"Tags": self.made[parameters["ResourceArn"]].get("Tags", [])}

    def sagemaker_add_tags(self, parameters: Parameters) -> Parameters:
        made = self.made[parameters["ResourceArn"]]
        made["Tags"] = [*made.get("Tags", []), *parameters["Tags"]]
        return {}

    def sagemaker_delete_tags(self, _: Parameters) -> Parameters:
        return {}

    def sagemaker_create_training_job(self, parameters: Parameters) -> Parameters:
        self.objects[f"models/{parameters['TrainingJobName']}/output/model.tar.gz"] = b"any"
        return self.make("training-job", parameters["TrainingJobName"], parameters)

    def sagemaker_describe_training_job(self, parameters: Parameters) -> Parameters:
        name = parameters["TrainingJobName"]
        found = self.found("training-job", name)
        assert found
        archive = f"s3://{self.bucket}/models/{name}/output/model.tar.gz"
        ended: Parameters = {
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "TrainingTimeInSeconds": 42,
        }
        ended |= {"CreationTime": NOW, "TrainingStartTime": NOW, "BillableTimeInSeconds": 42}
        return {"TrainingJobArn": found[0], "ModelArtifacts": {"S3ModelArtifacts": archive}, **ended, **found[1]}

    def sagemaker_list_training_jobs(self, parameters: Parameters) -> Parameters:
        arns = [
            arn
            for arn in self.of("training-job")
            if parameters.get("StatusEquals") != "InProgress" or arn.rpartition("/")[2] in self.running
        ]
        found = [{"TrainingJobName": arn.rpartition("/")[2], "TrainingJobArn": arn} for arn in arns]
        return {"TrainingJobSummaries": found}

    def sagemaker_stop_training_job(self, parameters: Parameters) -> Parameters:
        self.running.remove(parameters["TrainingJobName"])
        return {}

    def sagemaker_list_processing_jobs(self, _: Parameters) -> Parameters:
        return {"ProcessingJobSummaries": [{"ProcessingJobName": name} for name in self.runs_of_monitor]}

    def sagemaker_stop_processing_job(self, parameters: Parameters) -> Parameters:
        self.runs_of_monitor.remove(parameters["ProcessingJobName"])
        return {}

    def sagemaker_describe_processing_job(self, _: Parameters) -> Parameters:
        return {"ProcessingJobStatus": "Stopped"}

    def sagemaker_create_model(self, parameters: Parameters) -> Parameters:
        return self.make("model", parameters["ModelName"], parameters)

    def sagemaker_describe_model(self, parameters: Parameters) -> Parameters:
        found = self.found("model", parameters["ModelName"])
        if not found:
            return refusal("ValidationException", "Could not find model")
        return {"ModelArn": found[0], "CreationTime": NOW, **found[1]}

    def sagemaker_list_models(self, _: Parameters) -> Parameters:
        return {"Models": [{"ModelName": one["ModelName"], "ModelArn": arn} for arn, one in self.of("model").items()]}

    def sagemaker_delete_model(self, parameters: Parameters) -> Parameters:
        return self.unmake("model", parameters["ModelName"])

    def sagemaker_create_endpoint_config(self, parameters: Parameters) -> Parameters:
        return self.make("endpoint-config", parameters["EndpointConfigName"], parameters)

    def sagemaker_describe_endpoint_config(self, parameters: Parameters) -> Parameters:
        found = self.found("endpoint-config", parameters["EndpointConfigName"])
        if not found:
            return refusal("ValidationException", "Could not find endpoint configuration")
        return {"EndpointConfigArn": found[0], "CreationTime": NOW, **found[1]}

    def sagemaker_list_endpoint_configs(self, _: Parameters) -> Parameters:
        made = self.of("endpoint-config").items()
        return {
            "EndpointConfigs": [
                {"EndpointConfigName": one["EndpointConfigName"], "EndpointConfigArn": arn} for arn, one in made
            ]
        }

    def sagemaker_delete_endpoint_config(self, parameters: Parameters) -> Parameters:
        return self.unmake("endpoint-config", parameters["EndpointConfigName"])

    def sagemaker_create_endpoint(self, parameters: Parameters) -> Parameters:
        self.log_groups.add(f"/aws/sagemaker/Endpoints/{parameters['EndpointName']}")
        return self.make("endpoint", parameters["EndpointName"], parameters)

    def sagemaker_update_endpoint(self, parameters: Parameters) -> Parameters:
        found = self.found("endpoint", parameters["EndpointName"])
        assert found
        return self.make("endpoint", parameters["EndpointName"], {**found[1], **parameters})

    def sagemaker_describe_endpoint(self, parameters: Parameters) -> Parameters:
        found = self.found("endpoint", parameters["EndpointName"])
        if not found:
            return refusal("ValidationException", "Could not find endpoint")
        return {"EndpointArn": found[0], "EndpointStatus": "InService", "CreationTime": NOW, **found[1]}

    def sagemaker_list_endpoints(self, _: Parameters) -> Parameters:
        made = self.of("endpoint").items()
        return {"Endpoints": [{"EndpointName": one["EndpointName"], "EndpointArn": arn} for arn, one in made]}

    def sagemaker_delete_endpoint(self, parameters: Parameters) -> Parameters:
        return self.unmake("endpoint", parameters["EndpointName"])

    def unmake(self, kind: str, name: str) -> Parameters:
        found = self.made.pop(self.arn("sagemaker", f"{kind}/{name}"), None)
        return {} if found else refusal("ValidationException", f"Could not find {kind}")

    def sagemaker_runtime_invoke_endpoint(self, _: Parameters) -> Parameters:
        return {"Body": io.BytesIO(b"[0.98, 0.02]")}

    # Step Functions ------------------------------------------------------------------------------------------------

    def stepfunctions_start_execution(self, parameters: Parameters) -> Parameters:
        name, now = parameters["name"], datetime.now(UTC)
        arn = f"{parameters['stateMachineArn'].replace(':stateMachine:', ':execution:')}:{name}"
        is_batch = parameters["stateMachineArn"].endswith("batchClassification")
        status = "FAILED" if self.executions and not is_batch else "SUCCEEDED"  # all but the first
        self.executions[arn] = {"name": name, "executionArn": arn, "status": status, "startDate": now, "stopDate": now}
        if is_batch:
            self.classify_batch(name)
        else:
            self.capture(json.loads(parameters["input"])["s3_key"], now)
        return {"executionArn": arn, "startDate": now}

    def capture(self, key: str, now: datetime) -> None:
        """Write what data capture would write about the inference of a photo."""
        output = {"encoding": "JSON", "data": "[0.98, 0.02]"}
        metadata = {"eventId": key, "inferenceId": inference_id(key), "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        record = {"captureData": {"endpointOutput": output}, "eventMetadata": metadata}
        where = f"captured/{NAME}/AllTraffic/{now:%Y/%m/%d/%H/%M-%S}-{len(self.executions)}.jsonl"
        self.objects[where] = json.dumps(record).encode()

    def stepfunctions_get_execution_history(self, _: Parameters) -> Parameters:
        return {"events": [{"type": "ExecutionStarted", "timestamp": NOW, "id": 1}]}

    def stepfunctions_list_executions(self, parameters: Parameters) -> Parameters:
        status = parameters.get("statusFilter")
        return {"executions": [one for one in self.executions.values() if status in (None, one["status"])]}

    def stepfunctions_stop_execution(self, parameters: Parameters) -> Parameters:
        self.executions[parameters["executionArn"]]["status"] = "ABORTED"
        return {"stopDate": NOW}

    def stepfunctions_describe_execution(self, parameters: Parameters) -> Parameters:
        refused = {"error": "ThresholdConfidenceNotMetError", "cause": "best 0.500 < 0.930"}
        found = self.executions[parameters["executionArn"]]
        return found if found["status"] == "SUCCEEDED" else {**found, **refused}

    # Batches -------------------------------------------------------------------------------------------------------

    def classify_batch(self, name: str) -> None:
        """Write the verdicts of a batch: one photo is accepted, the other is broken."""
        accepted = {"s3_key": "images/test/a.png", "version": None, "accepted": True, "class": 0}
        broken = {"s3_key": "images/test/b.png", "version": None, "error": "InvalidImageError", "cause": "no image"}
        verdicts = [{**accepted, "confidence": 0.98, "inferences": [0.98, 0.02]}, broken]
        key = f"verdicts/{name}/1/SUCCEEDED_0.jsonl"
        self.objects[key] = "".join(f"{json.dumps(one)}\n" for one in verdicts).encode()
        files = {"ResultFiles": {"SUCCEEDED": [{"Key": key, "Size": len(self.objects[key])}]}}
        self.objects[f"verdicts/{name}/1/manifest.json"] = json.dumps(files).encode()

    def stepfunctions_list_map_runs(self, parameters: Parameters) -> Parameters:
        name = parameters["executionArn"].rpartition(":")[2]
        return {"mapRuns": [{"mapRunArn": self.arn("states", f"mapRun:{NAME}-batchClassification/prefix:{name}")}]}

    def stepfunctions_describe_map_run(self, _: Parameters) -> Parameters:
        return {"itemCounts": {"succeeded": 2, "failed": 0, "timedOut": 0, "aborted": 0, "total": 2}}
