"""Lambda: how functions run."""

from localcloud.corrections import credentials, function_concurrency, functions
from localcloud.corrections.correction import Correction

LAMBDA = "ministack.services.lambda_svc"
LAMBDA_GUIDE = "https://docs.aws.amazon.com/lambda/latest/dg"

CORRECTIONS = (
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
        "lambda-concurrency",
        target=f"{LAMBDA}:_acquire_execution_slot",
        digest="ed3b38149e2e",
        replace=function_concurrency.count_what_would_run_at_once,
        aws="Runs an invocation at once or throttles it. Here it may wait for a process, and MiniStack counts it then. "
        "Reserved concurrency is taken from the account's; MiniStack lets the other functions share the whole.",
        link=f"{LAMBDA_GUIDE}/lambda-concurrency.html",
    ),
    Correction(
        "lambda-concurrency-released",
        target=f"{LAMBDA}:_release_execution_slot",
        digest="b35708f638af",
        replace=function_concurrency.release_once_ended,
        aws="Gives an invocation's concurrency back when it ends; MiniStack does not know that of lambda-concurrency.",
        link=f"{LAMBDA_GUIDE}/lambda-concurrency.html",
    ),
    Correction(
        "lambda-throttling",
        target=f"{LAMBDA}:_throttle_response",
        digest="647221d5b077",
        replace=function_concurrency.word_throttling,
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
)
