"""Step Functions: ours in the place of MiniStack's, and its resources in stacks."""

from localcloud.corrections.correction import Addition, Correction, ModuleCorrection
from localcloud.corrections.step_functions import module, stacks

HANDLERS = "ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS"
MACHINE = f"{HANDLERS}[AWS::StepFunctions::StateMachine]"
REFERENCE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"

CORRECTIONS = (
    ModuleCorrection(
        "step-functions",
        target="ministack.services.stepfunctions",
        digest="de5d123cf684",
        replace=module.replace_module,
        aws="Refuses wrong definitions, keeps histories, limits, versions and aliases, and acts as the state machine's "
        "role; of 16 minimal definitions MiniStack answered each otherwise.",
        link="https://docs.aws.amazon.com/step-functions/latest/apireference/Welcome.html",
    ),
    Correction(
        "stack-creates-machine",
        target=f"{MACHINE}[create]",
        digest="d2ffde42cb0e",
        replace=stacks.create_machine,
        aws="Creates a stack's state machine as CreateStateMachine does; MiniStack takes any definition and role.",
        link=f"{REFERENCE}/aws-resource-stepfunctions-statemachine.html",
    ),
    Correction(
        "stack-updates-machine",
        target=f"{MACHINE}[update]",
        digest="e6b56ee6ad59",
        replace=stacks.update_machine,
        aws="Updates it as UpdateStateMachine does.",
        link=f"{REFERENCE}/aws-resource-stepfunctions-statemachine.html",
    ),
    Correction(
        "stack-deletes-machine",
        target=f"{MACHINE}[delete]",
        digest="dd5b1b769690",
        replace=stacks.delete_machine,
        aws="Ends the executions of a state machine that a stack deletes.",
        link=f"{REFERENCE}/aws-resource-stepfunctions-statemachine.html",
    ),
    Addition(
        "stack-machine-versions",
        target=f"{HANDLERS}[AWS::StepFunctions::StateMachineVersion]",
        digest="",
        replace=lambda _: stacks.VERSION,
        aws="Publishes versions of a stack's state machine; MiniStack does not know the type.",
        link=f"{REFERENCE}/aws-resource-stepfunctions-statemachineversion.html",
    ),
    Addition(
        "stack-machine-aliases",
        target=f"{HANDLERS}[AWS::StepFunctions::StateMachineAlias]",
        digest="",
        replace=lambda _: stacks.ALIAS,
        aws="Shifts executions from version to version; MiniStack does not know the type.",
        link=f"{REFERENCE}/aws-resource-stepfunctions-statemachinealias.html",
    ),
)
