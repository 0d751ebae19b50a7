"""CloudFormation: what a stack creates, changes and deletes."""

from localcloud.corrections import cloudformation, stack_permissions
from localcloud.corrections.correction import Correction

CLOUDFORMATION_REFERENCE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"
FORWARD_ACCESS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html"

CORRECTIONS = (
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
        replace=stack_permissions.create_with_rights,
        aws="Creates a stack's resources with the permissions of whoever deploys it; MiniStack asks for none.",
        link=FORWARD_ACCESS,
    ),
    Correction(
        "stack-updates-with-rights",
        target="ministack.services.cloudformation.stacks:_update_resource",
        digest="21b9b1207f59",
        replace=stack_permissions.update_with_rights,
        aws="The same for changes.",
        link=FORWARD_ACCESS,
    ),
    Correction(
        "stack-deletes-with-rights",
        target="ministack.services.cloudformation.stacks:_delete_resource",
        digest="9e9ba54fb428",
        replace=stack_permissions.delete_with_rights,
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
)
