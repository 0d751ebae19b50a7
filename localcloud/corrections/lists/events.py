"""EventBridge: what rules do with events."""

from localcloud.corrections import s3_events
from localcloud.corrections.correction import Correction
from localcloud.corrections.events import delivery, rules

EVENTS = "ministack.services.eventbridge"
EVENTS_GUIDE = "https://docs.aws.amazon.com/eventbridge/latest/userguide"
EVENTS_REFERENCE = "https://docs.aws.amazon.com/eventbridge/latest/APIReference"
S3_EVENTS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"

CORRECTIONS = (
    Correction(
        "rule-role",
        target=f"{EVENTS}:_put_rule",
        digest="829a0feae103",
        replace=rules.put_rule,
        aws="Refuses a role that the caller may not pass, or that does not trust EventBridge; MiniStack takes any.",
        link=f"{EVENTS_REFERENCE}/API_PutRule.html",
    ),
    Correction(
        "rule-targets",
        target=f"{EVENTS}:_put_targets",
        digest="9d129f83c189",
        replace=rules.put_targets,
        aws="Refuses a target whose role may not be passed or does not trust it, a state machine without a role, and "
        "malformed inputs and retries; MiniStack takes every target.",
        link=f"{EVENTS_REFERENCE}/API_PutTargets.html",
    ),
    Correction(
        "rule-targets-of-stack",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::Events::Rule][create]",
        digest="f6821fbd1768",
        replace=rules.create_rule_of_stack,
        aws="The same for the targets of a stack's rule.",
        link="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html",
    ),
    Correction(
        "rule-delivery",
        target=f"{EVENTS}:_invoke_target",
        digest="550e304af080",
        replace=delivery.deliver_to_targets,
        aws="Calls a target as its role, or where its policy allows it, again as RetryPolicy says, and then sends the "
        "event to the dead-letter queue; MiniStack asks no policy, tries once and has no such queues.",
        link=f"{EVENTS_GUIDE}/eb-rule-dlq.html",
    ),
    Correction(
        "stack-pipes",
        target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS[AWS::Pipes::Pipe][create]",
        digest="594577ac8ce9",
        replace=rules.refuse_pipes,
        aws="Moves messages from a queue to a pipe's target; MiniStack creates the pipe, which does nothing.",
        link="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes.html",
    ),
    Correction(
        "s3-event-kept",
        target="ministack.services.s3:_fire_s3_event_async",
        digest="d42619f0eb86",
        replace=s3_events.tell_before_the_answer,
        aws="Delivers an event of each change that it has answered; MiniStack's is lost when the cloud is killed a "
        "moment after the answer.",
        link=S3_EVENTS,
    ),
    Correction(
        "s3-event-object",
        target="ministack.services.s3:_fire_s3_event",
        digest="2ab38cfade76",
        replace=s3_events.note_the_object,
        aws="Names the version of the object, and no size of a deleted one; MiniStack the size alone.",
        link=S3_EVENTS,
    ),
    Correction(
        "s3-event-shape",
        target=f"{EVENTS}:_dispatch_event",
        digest="d1bfe064f602",
        replace=s3_events.dispatch_in_aws_s_shape,
        aws="Gives an event an id of its own and its time in seconds; MiniStack the id of the request.",
        link=S3_EVENTS,
    ),
)
