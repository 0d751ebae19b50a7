"""Step Functions: how executions run."""

from localcloud.corrections.correction import Correction
from localcloud.corrections.step_functions import definitions, executions, limits, retries, tasks

STEP_FUNCTIONS = "ministack.services.stepfunctions"
STEP_FUNCTIONS_GUIDE = "https://docs.aws.amazon.com/step-functions/latest/dg"

CORRECTIONS = (
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
)
