"""Wrong inputs that are made of right ones, to produce the errors that botocore's
service model lists for an operation."""

import copy
from collections.abc import Iterator

UNKNOWN = "nope000000"

# Operations of which a second, equal one meets the first.
REPEATED = {
    "CreateApiKey",
    "CreateModel",
    "CreateResource",
    "CreateStage",
    "CreateUsagePlanKey",
    "PutMethod",
    "PutMethodResponse",
}

# What is in use by the time that one of `USES` is called, and how it is deleted.
USED = {
    "UpdateModel": ("DeleteModel", ("restApiId", "modelName")),
    "UpdateRequestValidator": ("DeleteRequestValidator", ("restApiId", "requestValidatorId")),
    "UpdateAuthorizer": ("DeleteAuthorizer", ("restApiId", "authorizerId")),
    "CreateStage": ("DeleteDeployment", ("restApiId", "deploymentId")),
    "CreateUsagePlan": ("DeleteUsagePlan", ()),
}
USES = {"PutIntegrationResponse", "GetStages", "GetUsagePlans"}

# One member of these is replaced by what it must not be.
WRONG = {
    "CreateApiKey": {"value": "short"},
    "CreateAuthorizer": {"authorizerUri": "arn:aws:lambda:x"},
    "CreateDeployment": {"stageName": "no stage"},
    "CreateModel": {"name": "not-alphanumeric"},
    "CreateResource": {"pathPart": "a/b"},
    "CreateRestApi": {"description": ""},
    "CreateStage": {"deploymentId": UNKNOWN},
    "CreateUsagePlan": {"throttle": {"burstLimit": -1, "rateLimit": 1.0}},
    "CreateUsagePlanKey": {"keyType": "NONE"},
    "GetGatewayResponse": {"responseType": "NONE"},
    "DeleteGatewayResponse": {"responseType": "NONE"},
    "GetTags": {"resourceArn": "arn:aws:s3:::bucket"},
    "GetUsage": {"startDate": "yesterday"},
    "ImportApiKeys": {"body": b"name\nwithout-a-key\n"},
    "PutGatewayResponse": {"responseType": "NONE"},
    "PutIntegration": {"type": "NONE"},
    "PutIntegrationResponse": {"contentHandling": "NONE"},
    "PutMethod": {"authorizationType": "SOME"},
    "PutMethodResponse": {"responseModels": {"application/json": "Nope"}},
    "TagResource": {"tags": {"aws:reserved": "x"}},
    "UntagResource": {"resourceArn": "arn:aws:s3:::bucket"},
    "TestInvokeMethod": {"pathWithQueryString": "no path"},
    # Said where other operations say 404.
    "CreateRequestValidator": {"restApiId": UNKNOWN},
}

# What a member in the body or the query names that is not there.
UNKNOWN_IN_BODY = {
    "CreateRestApi": {"cloneFrom": UNKNOWN},
    "CreateUsagePlan": {"apiStages": [{"apiId": UNKNOWN, "stage": "prod"}]},
    "CreateUsagePlanKey": {"keyId": UNKNOWN},
    "GetUsage": {"keyId": UNKNOWN},
    "GetUsagePlans": {"keyId": UNKNOWN},
    "ImportApiKeys": {"body": b"name,key,usageplanIds\nname,a-third-value-that-is-long-enough,nope00\n"},
}


def variants(operation, given: dict) -> Iterator[dict]:
    """Inputs that are wrong in one way each."""
    for wrong in (WRONG, UNKNOWN_IN_BODY):
        if operation.name in wrong:
            yield {**copy.deepcopy(given), **wrong[operation.name]}
    shape = operation.input_shape
    for name, member in shape.members.items():
        if name == "patchOperations":
            yield {**given, name: [{"op": "replace", "path": "/nope", "value": "x"}]}
        if name == "position":
            yield {**given, name: "***"}
        if member.serialization.get("location") == "uri" and name in given:
            unknown = "arn:aws:apigateway:us-east-1::/restapis/nope000000" if name == "resourceArn" else UNKNOWN
            yield {**given, name: unknown}
