"""SQS, and Lambda's event source mappings of queues."""

from localcloud.corrections.correction import Correction
from localcloud.corrections.queues import batches, mappings, moves, saved

LAMBDA = "ministack.services.lambda_svc"
SQS_GUIDE = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide"
STANDARD_QUEUES = f"{SQS_GUIDE}/standard-queues.html"
WITH_SQS = "https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"

CORRECTIONS = (
    Correction(
        "mapping-request",
        target=f"{LAMBDA}:_create_esm",
        digest="d351521bb6cd",
        replace=mappings.create_mapping,
        aws="Refuses a mapping whose function's role may not read the queue, or whose function may outlast the queue's "
        "visibility timeout; MiniStack takes every mapping.",
        link=WITH_SQS,
    ),
    Correction(
        "mapping-update",
        target=f"{LAMBDA}:_update_esm",
        digest="1b7e0409cb65",
        replace=mappings.update_mapping,
        aws="Refuses a batch of more than 10 messages without a window.",
        link=WITH_SQS,
    ),
    Correction(
        "mapping-of-stack",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::Lambda::EventSourceMapping][create]",
        digest="f053a4e8c30c",
        replace=mappings.create_mapping_of_stack,
        aws="The same for a stack's mapping.",
        link="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
        "aws-resource-lambda-eventsourcemapping.html",
    ),
    Correction(
        "mapping-batches",
        target=f"{LAMBDA}:_poll_sqs",
        digest="e438a6a1e094",
        replace=batches.poll_as_the_role,
        aws="Reads a queue with the permissions of the function's role, in batches as large as BatchSize and its "
        "window allow, and takes a malformed report of failures for a failed batch; MiniStack asks no policy, takes "
        "10 messages at most and deletes what is reported badly.",
        link=WITH_SQS,
    ),
    Correction(
        "queue-moves",
        target="ministack.services.sqs:_dispatch",
        digest="6a429fdb61eb",
        replace=moves.move_messages_too,
        aws="Moves dead letters back (StartMessageMoveTask); MiniStack does not have the operation.",
        link="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html",
    ),
    Correction(
        "queue-messages",
        target="ministack.services.sqs:_queues",
        digest="71a4e3b70a68",
        replace=saved.keep_messages,
        aws="Keeps a message from the answer to SendMessage until it is deleted; MiniStack in memory.",
        link=STANDARD_QUEUES,
    ),
    Correction(
        "queue-messages-received",
        target="ministack.services.sqs:_collect_msgs",
        digest="308a6eb1b3d4",
        replace=saved.save_received,
        aws="Keeps what it has handed out: how often, and until when a message is hidden.",
        link=f"{SQS_GUIDE}/sqs-visibility-timeout.html",
    ),
)
