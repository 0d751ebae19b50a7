"""Small definitions of state machines that AWS refuses, and its answer to each: CODE: message at location.

The answers were measured with ValidateStateMachineDefinition and CreateStateMachine by others, who published them:
- missing targets: https://github.com/localstack/localstack/pull/12487
- query languages, fields, terminal states, JSONata: https://github.com/floci-io/floci
- codes and warnings: API_ValidateStateMachineDefinition and API_ValidateStateMachineDefinitionDiagnostic in
  https://docs.aws.amazon.com/step-functions/latest/apireference/
- limits: https://states-language.net, https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
NOT_EMULATED is our own.
"""

from typing import Any

from tests.integration.support.definitions.builders import DISTRIBUTED_MAP, SCHEMA, TASK, one
from tests.integration.support.definitions.expressions import EXPRESSIONS
from tests.integration.support.definitions.states import STATES
from tests.integration.support.definitions.structure import STRUCTURE
from tests.integration.support.definitions.tasks import TASKS

REFUSED: dict[str, tuple[Any, list[str]]] = {**STRUCTURE, **TASKS, **STATES, **EXPRESSIONS}
REFUSED_AS_EXPRESS = {
    "sync": (
        one({**TASK, "Resource": "arn:aws:states:::batch:submitJob.sync"}),
        [f"{SCHEMA}Express state machine does not support '.sync' service integration  at /States/A/Resource"],
    ),
    "activity": (
        one({**TASK, "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"}),
        [f"{SCHEMA}Express state machine does not support Activity ARN at /States/A/Resource"],
    ),
    "distributed": (
        one(DISTRIBUTED_MAP),
        [
            f"{SCHEMA}The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines "
            "at /States/A/ItemProcessor/ProcessorConfig"
        ],
    ),
}
