"""The list of all corrections: where MiniStack differs from AWS in what this application uses, and what mends it.

Each row names what is replaced, what AWS does, and where that is documented. A test switches each off and shows that
a test marked with its name then fails.
"""

import os
from collections.abc import Iterator

from localcloud import LocalCloudError
from localcloud.corrections import (
    alarms,
    authorization,
    cloudformation,
    cloudwatch,
    credentials,
    due_schedules,
    functions,
    persistence,
    roles,
    s3,
    s3_files,
    scheduler,
    simulation,
    stack_rights,
)
from localcloud.corrections import correction as corrections
from localcloud.corrections.correction import Correction
from localcloud.corrections.step_functions import definitions, executions, limits, retries, tasks

WITHOUT = "LOCALCLOUD_WITHOUT"  # the variable that names corrections to leave out, separated by commas

LAMBDA = "ministack.services.lambda_svc"
STEP_FUNCTIONS = "ministack.services.stepfunctions"
LAMBDA_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"
CLOUDFORMATION_REFERENCE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"
FORWARD_ACCESS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"
STEP_FUNCTIONS_GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg"

CORRECTIONS = (
    # Permissions
    Correction(
        "judged-action",
        target="ministack.core.iam_actions:extract_iam_action",
        digest="ec476b92d969",
        replace=authorization.judge_by_the_action_done,
        aws="Asks for permission to do what is done; MiniStack asks for what a header or body names, and for nothing "
        "where it finds no action.",
        link="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html",
    ),
    Correction(
        "judged-parameters",
        target="ministack.app:_routing_params",
        digest="00e89d22c926",
        replace=authorization.judge_by_the_query,
        aws="Reads no parameters from an object; MiniStack does when its content type is that of a form.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
    ),
    Correction(
        "judged-resource",
        target="ministack.core.iam_actions:extract_resource_arn",
        digest="82f51700695c",
        replace=authorization.judge_by_the_resource,
        aws="Asks for permission on the version or alias that is named; MiniStack on the function.",
        link=f"{LAMBDA_GUIDE}/lambda-api-permissions-ref.html",
    ),
    Correction(
        "policy-simulation",
        target="ministack.services.iam:_IAM_HANDLERS[SimulatePrincipalPolicy]",
        digest="8dbfeffbf145",
        replace=simulation.answer_by_the_evaluator,
        aws="Decides on each resource, with the given conditions and the boundary; refuses what is no user or role. "
        "MiniStack looks at the first resource alone and answers implicitDeny for whoever it does not know.",
        link="https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
    ),
    # Storage, stacks and metrics
    Correction(
        "s3-missing-object",
        target="ministack.services.s3:_get_object",
        digest="64ad7071ef0e",
        replace=s3.hide_missing_objects,
        aws="Answers AccessDenied for a missing object to a caller without s3:ListBucket; MiniStack NoSuchKey to all.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
    ),
    Correction(
        "s3-missing-head",
        target="ministack.services.s3:_head_object",
        digest="369c3a8482ea",
        replace=s3.hide_missing_heads,
        aws="The same for HeadObject: 403 instead of 404.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html",
    ),
    Correction(
        "s3-unsaved-changes",
        target="ministack.services.s3:_dispatch",
        digest="52562ee7c18b",
        replace=s3_files.answer_when_saved,
        aws="Answers ServiceUnavailable to what it cannot store; MiniStack answers 200 and keeps it in memory.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    ),
    Correction(
        "s3-object-files",
        target="ministack.services.s3:_persist_object",
        digest="cb32b6ae8706",
        replace=s3_files.save_whole_objects,
        aws="Stores an object whole before it answers; MiniStack logs a failed write, and may replace the bytes alone.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html",
    ),
    Correction(
        "s3-delete-markers",
        target="ministack.services.s3:_persist_delete_marker",
        digest="3181a2382f87",
        replace=s3_files.save_delete_markers,
        aws="The same for a delete marker.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html",
    ),
    Correction(
        "s3-displaced-versions",
        target="ministack.services.s3:_persist_displaced_version",
        digest="9637289a604c",
        replace=s3_files.save_displaced_versions,
        aws="The same for the version that another one replaces; MiniStack loses its bytes when they cannot be copied.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html",
    ),
    Correction(
        "s3-deletions",
        target="ministack.services.s3:_delete_persisted_object",
        digest="8baff70b77c6",
        replace=s3_files.refuse_failed_deletions,
        aws="Deletes what it answers 204 to; in MiniStack an object whose file stays is back after a restart.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html",
    ),
    Correction(
        "s3-lost-bytes",
        target="ministack.services.s3:_read_body",
        digest="596e56d63502",
        replace=s3_files.read_whole_bodies,
        aws="Never answers 200 without the object's bytes; MiniStack does when its file is missing or cut.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html",
    ),
    Correction(
        "s3-lost-versions",
        target="ministack.services.s3:_version_body",
        digest="914e6f75ad9f",
        replace=s3_files.read_whole_versions,
        aws="The same for an older version.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/DataDurability.html",
    ),
    Correction(
        "stack-keeps-full-bucket",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::S3::Bucket][delete]",
        digest="52bcaf59bd5b",
        replace=cloudformation.delete_empty_buckets_only,
        aws="Fails to delete a stack whose bucket holds objects or versions; MiniStack forgets the bucket, and its "
        "files bring it back at the next start.",
        link=f"{CLOUDFORMATION_REFERENCE}/aws-resource-s3-bucket.html",
    ),
    Correction(
        "stack-bucket-name",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::S3::Bucket][create]",
        digest="477b78a3cb15",
        replace=cloudformation.refuse_invalid_bucket_names,
        aws="Fails to create a stack whose bucket's name S3 refuses: capitals, or more than 63 characters; MiniStack "
        "creates the bucket, and no request reaches it.",
        link="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
    ),
    Correction(
        "stack-creates-function",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::Lambda::Function][create]",
        digest="8b2cf80e961d",
        replace=cloudformation.create_functions,
        aws="Refuses a role that the caller may not pass or Lambda may not assume, and reserves the concurrency that a "
        "template gives to a function; MiniStack does neither.",
        link=f"{CLOUDFORMATION_REFERENCE}/aws-resource-lambda-function.html",
    ),
    Correction(
        "stack-updates-concurrency",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::Lambda::Function][update]",
        digest="4855410e37d7",
        replace=cloudformation.reserve_concurrency_of_updated_functions,
        aws="Changes the reserved concurrency with the template.",
        link=f"{CLOUDFORMATION_REFERENCE}/aws-resource-lambda-function.html",
    ),
    Correction(
        "stack-creates-with-rights",
        target="ministack.services.cloudformation.stacks:_provision_resource",
        digest="3b8f01fb1871",
        replace=stack_rights.create_with_rights,
        aws="Creates a stack's resources with the permissions of whoever deploys it; MiniStack asks for none.",
        link=FORWARD_ACCESS,
    ),
    Correction(
        "stack-updates-with-rights",
        target="ministack.services.cloudformation.stacks:_update_resource",
        digest="21b9b1207f59",
        replace=stack_rights.update_with_rights,
        aws="The same for changes.",
        link=FORWARD_ACCESS,
    ),
    Correction(
        "stack-deletes-with-rights",
        target="ministack.services.cloudformation.stacks:_delete_resource",
        digest="9e9ba54fb428",
        replace=stack_rights.delete_with_rights,
        aws="The same for deletions.",
        link=FORWARD_ACCESS,
    ),
    Correction(
        "stack-interrupted",
        target="ministack.services.cloudformation:_restore_state",
        digest="ddc62c8a38d0",
        replace=cloudformation.end_interrupted,
        aws="Ends every operation; in MiniStack a stack that a crash interrupted is in progress for ever.",
        link="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events-by-operation.html",
    ),
    Correction(
        "cloudwatch-namespace",
        target="ministack.core.iam_actions:request_tag_context",
        digest="d46adb816e02",
        replace=cloudwatch.give_the_namespace_to_policies,
        aws="Has the condition key cloudwatch:namespace for PutMetricData; in MiniStack a statement with it never "
        "allows anything.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html",
    ),
    Correction(
        "alarm-dimensions",
        target="ministack.services.cloudwatch:_evaluate_alarm",
        digest="a0b0acd3d432",
        replace=alarms.judge_by_their_own_metric,
        aws="Judges an alarm by the metric with the alarm's dimensions, and by TreatMissingData when that has no data; "
        "in MiniStack the metric of any dimensions sets it off, and it stays as it is when no data come.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html",
    ),
    Correction(
        "alarms-are-current",
        target="ministack.services.cloudwatch:_describe_alarms",
        digest="ab8f092ff9ae",
        replace=alarms.judge_before_describing,
        aws="Judges alarms all the time; MiniStack only when a metric comes through PutMetricData.",
        link="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Alarms.html",
    ),
    Correction(
        "state-of-services-in-use",
        target="ministack.app:_state_map",
        digest="477cc51e39b6",
        replace=persistence.keep_to_services_in_use,
        aws="(Nothing of AWS: MiniStack writes a file for each of some 40 services at every save.)",
        link="https://pypi.org/project/ministack/1.5.33/",
    ),
    Correction(
        "state-files",
        target="ministack.core.persistence:save_state",
        digest="58a955110973",
        replace=persistence.save_durably,
        aws="Keeps what it has answered to; MiniStack logs it when its state cannot be saved.",
        link="https://pypi.org/project/ministack/1.5.33/",
    ),
    Correction(
        "damaged-state",
        target="ministack.app:_load_persisted_state",
        digest="03de3b870e8f",
        replace=persistence.start_without_damaged_files,
        aws="(Nothing of AWS: MiniStack starts without a damaged file, then overwrites it.)",
        link="https://pypi.org/project/ministack/1.5.33/",
    ),
    # Lambda
    Correction(
        "lambda-session-keys",
        target="ministack.core.lambda_runtime:execution_credentials",
        digest="cffaadc4f396",
        replace=credentials.derive_keys_from_a_secret,
        aws="Gives a function's role random keys; MiniStack derives them from the ARNs of the function and the role.",
        link=f"{LAMBDA_GUIDE}/configuration-envvars.html",
    ),
    Correction(
        "lambda-environments",
        target="ministack.core.lambda_runtime:_worker_class_for",
        digest="b5a23849280a",
        replace=functions.pool_environments,
        aws="Runs a function in an environment with nothing but its own variables; MiniStack's worker hands down "
        "this server's.",
        link=f"{LAMBDA_GUIDE}/lambda-runtime-environment.html",
    ),
    Correction(
        "lambda-runtime-client",
        target=f"{LAMBDA}:_execute_function_dispatch",
        digest="f62cd259213e",
        replace=functions.run_on_the_runtime_client,
        aws="Runs its own runtime client within MemorySize and the limit of a response, and names an error after the "
        "exception; MiniStack knows no limits and calls every exception Runtime.HandlerError.",
        link=f"{LAMBDA_GUIDE}/runtimes-api.html",
    ),
    Correction(
        "lambda-throttling",
        target=f"{LAMBDA}:_throttle_response",
        digest="647221d5b077",
        replace=functions.word_throttling,
        aws="Says `Rate Exceeded.` with Type User; MiniStack names the function or its own limit.",
        link="https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html",
    ),
    Correction(
        "lambda-request-size",
        target=f"{LAMBDA}:_invoke",
        digest="ab193779e5c2",
        replace=functions.refuse_large_requests,
        aws="Answers 413 to an event over 6 MB; MiniStack takes any.",
        link=f"{LAMBDA_GUIDE}/gettingstarted-limits.html",
    ),
    Correction(
        "lambda-metrics",
        target=f"{LAMBDA}:_execute_function",
        digest="3ceb16d6480a",
        replace=functions.count_every_invocation,
        aws="Counts every invocation, and a throttled one as Throttles only; MiniStack does not count those of Step "
        "Functions, and a throttled one as an invocation too.",
        link=f"{LAMBDA_GUIDE}/monitoring-metrics-types.html",
    ),
    Correction(
        "lambda-metrics-once",
        target=f"{LAMBDA}:_emit_lambda_metrics",
        digest="3b6689d77cf6",
        replace=functions.silence_metrics,
        aws="Counts an invocation once; MiniStack's own count would come on top of lambda-metrics.",
        link=f"{LAMBDA_GUIDE}/monitoring-metrics-types.html",
    ),
    # Roles of functions and state machines
    Correction(
        "function-role",
        target=f"{LAMBDA}:_create_function",
        digest="e307eecdf0d8",
        replace=roles.create_function,
        aws="Refuses a role that the caller may not pass or Lambda may not assume; MiniStack asks only that it exists.",
        link=f"{LAMBDA_GUIDE}/lambda-intro-execution-role.html",
    ),
    Correction(
        "function-role-update",
        target=f"{LAMBDA}:_update_config",
        digest="6999cb0695da",
        replace=roles.update_function,
        aws="Refuses a role that the caller may not pass or Lambda may not assume; MiniStack asks only that it exists.",
        link=f"{LAMBDA_GUIDE}/lambda-intro-execution-role.html",
    ),
    Correction(
        "machine-role",
        target=f"{STEP_FUNCTIONS}:_create_state_machine",
        digest="4bc1231dda69",
        replace=roles.create_state_machine,
        aws="Refuses a role that the caller may not pass or Step Functions may not assume; MiniStack asks only that it "
        "exists.",
        link=f"{STEP_FUNCTIONS_GUIDE}/procedure-create-iam-role.html",
    ),
    Correction(
        "machine-role-update",
        target=f"{STEP_FUNCTIONS}:_update_state_machine",
        digest="476e0deee6a3",
        replace=roles.create_state_machine,
        aws="Refuses a role that the caller may not pass or Step Functions may not assume; MiniStack asks only that it "
        "exists.",
        link=f"{STEP_FUNCTIONS_GUIDE}/procedure-create-iam-role.html",
    ),
    Correction(
        "machine-role-of-stack",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::StepFunctions::StateMachine][create]",
        digest="d2ffde42cb0e",
        replace=roles.create_state_machine_of_stack,
        aws="Refuses a role that the caller may not pass or Step Functions may not assume; MiniStack asks only that it "
        "exists.",
        link=f"{STEP_FUNCTIONS_GUIDE}/procedure-create-iam-role.html",
    ),
    # Step Functions
    Correction(
        "definition-wildcards",
        target=f"{STEP_FUNCTIONS}:_validate_definition_jsonata",
        digest="a5ec092b2c8d",
        replace=definitions.refuse_misplaced_wildcards,
        aws="Refuses States.ALL unless it is alone and in the last retrier or catcher; MiniStack takes it anywhere.",
        link=f"{STEP_FUNCTIONS_GUIDE}/concepts-error-handling.html",
    ),
    Correction(
        "execution-input",
        target=f"{STEP_FUNCTIONS}:_start_execution",
        digest="9923282fc76c",
        replace=limits.check_execution_inputs,
        aws="Refuses an input over 262,144 bytes or that is not JSON; MiniStack runs on, with {} for the latter.",
        link="https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html",
    ),
    Correction(
        "execution-role-and-timeout",
        target=f"{STEP_FUNCTIONS}:_run_execution",
        digest="996dff84e0e0",
        replace=executions.run_with_role_and_timeout,
        aws="Runs an execution as the state machine's role, and ends it as TIMED_OUT after TimeoutSeconds; MiniStack "
        "does neither.",
        link=f"{STEP_FUNCTIONS_GUIDE}/statemachine-structure.html",
    ),
    Correction(
        "execution-delay",
        target=f"{STEP_FUNCTIONS}:time",
        digest="f1dc5ef1ab1d",
        replace=executions.begin_at_once,
        aws="Enters the first state within milliseconds; MiniStack sleeps 0.15 s before.",
        link=f"{STEP_FUNCTIONS_GUIDE}/choosing-workflow-type.html",
    ),
    Correction(
        "state-size",
        target=f"{STEP_FUNCTIONS}:_add_event",
        digest="b1db143ccd21",
        replace=limits.limit_states,
        aws="Fails with States.DataLimitExceeded where a state or a result exceeds 262,144 bytes; MiniStack has no "
        "limit.",
        link=f"{STEP_FUNCTIONS_GUIDE}/service-quotas.html",
    ),
    Correction(
        "terminal-errors",
        target=f"{STEP_FUNCTIONS}:_error_matches",
        digest="519b9dc729c5",
        replace=retries.match_terminal_errors_by_name,
        aws="States.ALL and States.TaskFailed match neither States.DataLimitExceeded nor States.Runtime; in MiniStack "
        "they match all.",
        link=f"{STEP_FUNCTIONS_GUIDE}/concepts-error-handling.html",
    ),
    Correction(
        "retry-delay",
        target=f"{STEP_FUNCTIONS}:_find_matching_retrier",
        digest="cb494ae8503c",
        replace=retries.wait_as_the_retrier_says,
        aws="Waits as MaxDelaySeconds and JitterStrategy say; MiniStack knows neither and waits 60 s at most.",
        link=f"{STEP_FUNCTIONS_GUIDE}/concepts-error-handling.html",
    ),
    Correction(
        "task-integrations",
        target=f"{STEP_FUNCTIONS}:_invoke_resource",
        digest="a85d2be9a858",
        replace=tasks.invoke_functions_only,
        aws="Invokes the Qualifier of lambda:invoke, and calls other services as the role; MiniStack ignores the one "
        "and calls the others without asking a policy.",
        link=f"{STEP_FUNCTIONS_GUIDE}/connect-lambda.html",
    ),
    Correction(
        "task-callbacks",
        target=f"{STEP_FUNCTIONS}:_invoke_with_callback",
        digest="bbb38423156a",
        replace=tasks.refuse_callbacks,
        aws="Calls a service as the role before it waits for a token; MiniStack without asking a policy.",
        link=f"{STEP_FUNCTIONS_GUIDE}/connect-to-resource.html",
    ),
    Correction(
        "task-role",
        target=f"{STEP_FUNCTIONS}:_call_lambda",
        digest="25830369b126",
        replace=tasks.invoke_functions_as_the_role,
        aws="Invokes a function as the state machine's role, and names throttling and missing functions as Lambda "
        "does; MiniStack asks no policy and calls throttling Lambda.Unknown.",
        link=f"{STEP_FUNCTIONS_GUIDE}/connect-lambda.html",
    ),
    Correction(
        "task-timeout",
        target=f"{STEP_FUNCTIONS}:_invoke_resource_with_timeout",
        digest="faeed0bf70d5",
        replace=tasks.time_tasks_from_their_start,
        aws="Fails with States.Timeout without a cause; MiniStack invents one, and counts the time in our queue.",
        link=f"{STEP_FUNCTIONS_GUIDE}/state-task.html",
    ),
    Correction(
        "execution-ends-once",
        target=f"{STEP_FUNCTIONS}:_fail_execution",
        digest="e6da895fa0b7",
        replace=executions.end_once,
        aws="Keeps the status of an execution that was stopped; MiniStack fails it when its last task fails.",
        link="https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html",
    ),
    Correction(
        "execution-interrupted",
        target=f"{STEP_FUNCTIONS}:_restore_state",
        digest="b94c49c3dd97",
        replace=executions.end_interrupted,
        aws="Ends every execution with an event; in MiniStack the history of one that a crash interrupted has none.",
        link=f"{STEP_FUNCTIONS_GUIDE}/concepts-error-handling.html",
    ),
    Correction(
        "execution-metrics",
        target=f"{STEP_FUNCTIONS}:_emit_execution_status_event",
        digest="9c89e45693e3",
        replace=executions.count_executions,
        aws="Records AWS/States metrics of every execution; MiniStack records none.",
        link=f"{STEP_FUNCTIONS_GUIDE}/procedure-cw-metrics.html",
    ),
    # EventBridge Scheduler
    Correction(
        "schedule-request",
        target="ministack.services.scheduler:handle_request",
        digest="5379852d6e1c",
        replace=scheduler.refuse_unfit_schedules,
        aws="Refuses a schedule whose role does not trust it or may not be passed, or whose time is malformed or past; "
        "MiniStack takes every schedule.",
        link="https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html",
    ),
    Correction(
        "schedule-target",
        target="ministack.services.scheduler:_ticker_loop",
        digest="51e1b1334023",
        replace=due_schedules.call_targets,
        aws="Calls the operation of a universal target as the schedule's role; MiniStack drops the call.",
        link="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html",
    ),
)


def apply() -> None:
    """Correct MiniStack; called once, before the server starts.

    Raises:
        CorrectionError: MiniStack is not the code that the corrections were written against.
        LocalCloudError: WITHOUT names a correction that does not exist.
    """
    corrections.apply(list(chosen(os.environ.get(WITHOUT, ""))))


def chosen(without: str) -> Iterator[Correction]:
    """Yield the corrections whose names are not in a comma-separated list."""
    left_out = {name.strip() for name in without.split(",") if name.strip()}
    if unknown := left_out - {one.name for one in CORRECTIONS}:
        raise LocalCloudError(f"{WITHOUT} names {', '.join(sorted(unknown))}, which is no correction.")
    yield from (one for one in CORRECTIONS if one.name not in left_out)
