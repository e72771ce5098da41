"""What a template does by each parameter that turns something on, and that it
does not until then."""

import json

import resolved
from resolved import allowed, of_type

KEY = "arn:aws:kms:us-east-1:123456789012:key/0"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0"
TO_TRACE = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
# What DynamoDB does with a table's key in the name of who calls (developer
# guide, "Using KMS keys"), but for the grants of who makes the table.
TO_USE_TABLES = ["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"]


def all_off(template: dict):
    """What a parameter turns on is not there until it does."""
    resources = resolved.resources(template)
    text = json.dumps(resources)
    words = ["xray:", "kms:", "KmsKey", "KMSMasterKeyId", "SSEType", "ReservedConcurrentExecutions", '"Active"', "DomainName"]
    for word in words:
        if word in text:
            yield f"by the defaults there is {word}"
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        if table["SSESpecification"] != {"SSEEnabled": True}:
            yield f"{name}: by the defaults it is encrypted by {table['SSESpecification']}"


def tracing(template: dict):
    resources = resolved.resources(template, XRayTracing="true")
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        if function["TracingConfig"] != {"Mode": "Active"}:
            yield f"{name}: is not traced"
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        if "*" not in (statement["Resource"] for statement in allowed(role) if statement["Action"] == TO_TRACE):
            yield f"{name}: may not trace"


def encryption(template: dict):
    resources = resolved.resources(template, KmsKeyArn=KEY)
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        if table["SSESpecification"] != {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}:
            yield f"{name}: is not encrypted by the key"
    for kind, member in (
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SecretsManager::Secret", "KmsKeyId"),
        # Lambda grants the role what its environment takes.
        ("AWS::Lambda::Function", "KmsKeyArn"),
    ):
        for name, properties in of_type(resources, kind).items():
            if properties.get(member) != KEY:
                yield f"{name}: is not encrypted by the key"
    wanted = {
        "Sid": "KeyOfTables",
        "Effect": "Allow",
        "Action": [f"kms:{action}" for action in TO_USE_TABLES],
        "Resource": KEY,
        "Condition": {"StringEquals": {"kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"}}},
    }
    documents = {name: allowed(role) for name, role in of_type(resources, "AWS::IAM::Role").items()}
    for name, policy in of_type(resources, "AWS::IAM::ManagedPolicy").items():
        documents[name] = policy["PolicyDocument"]["Statement"]
    for name, statements_of_it in documents.items():
        if [statement for statement in statements_of_it if "kms:" in json.dumps(statement)] != [wanted]:
            yield f"{name}: may not use the key for tables, or for more than that"


def reserved_concurrency(template: dict):
    for function, parameter in (
        ("GatewayFunction", "GatewayReservedConcurrency"), ("AuthorizerFunction", "AuthorizerReservedConcurrency"),
    ):
        # A template may have one of the two.
        if parameter not in template["Parameters"]:
            continue
        for reserved in ("0", "7"):
            functions_by_name = of_type(resolved.resources(template, **{parameter: reserved}), "AWS::Lambda::Function")
            with_some = {name: f.get("ReservedConcurrentExecutions") for name, f in functions_by_name.items()}
            if {name: some for name, some in with_some.items() if some is not None} != {function: reserved}:
                yield f"{parameter}: {reserved} gives {with_some}"


def domain_names(template: dict):
    by_default = set(resolved.resources(template))
    resources = resolved.resources(template, AdminDomainName="keys.example.com", AdminCertificateArn=CERTIFICATE)
    if set(resources) - by_default != {"AdminDomain", "AdminDomainMapping"}:
        yield f"AdminDomainName: adds {sorted(set(resources) - by_default)}"
        return
    properties = {name: resource["Properties"] for name, resource in resources.items()}
    if properties["AdminDomain"]["DomainName"] != "keys.example.com":
        yield "AdminDomain: has another name"
    if properties["AdminDomain"]["RegionalCertificateArn"] != CERTIFICATE:
        yield "AdminDomain: has another certificate"
    stage = {"Ref": "AdminApiv1Stage"}
    if properties["AdminApiv1Stage"]["StageName"] != "v1":
        yield "AdminApiv1Stage: is not the stage v1"
    # With a base path clients would sign another path than the function sees.
    if properties["AdminDomainMapping"] != {"DomainName": {"Ref": "AdminDomain"}, "RestApiId": {"Ref": "AdminApi"}, "Stage": stage}:
        yield "AdminDomainMapping: does not lead to the control plane, or by a base path"

    resources = resolved.resources(template, GatewayDomainName="api.example.com", GatewayCertificateArn=CERTIFICATE)
    properties = {name: resource["Properties"] for name, resource in resources.items() if name not in by_default}
    api, stage = {"Ref": "GatewayApi"}, {"Ref": "GatewayStage"}
    wanted = {
        "GatewayApi": {"ProtocolType": "HTTP", "DisableExecuteApiEndpoint": True},
        "GatewayIntegration": {
            "ApiId": api, "IntegrationType": "AWS_PROXY", "IntegrationUri": {"Fn::GetAtt": ["GatewayFunction", "Arn"]},
            # The form of the Function URL's events.
            "PayloadFormatVersion": "2.0",
        },
        "GatewayRoute": {
            "ApiId": api, "RouteKey": "$default", "Target": {"Fn::Sub": "integrations/${GatewayIntegration}"},
        },
        # Any other stage would be part of the path.
        "GatewayStage": {"ApiId": api, "StageName": "$default", "AutoDeploy": True},
        "GatewayDomain": {
            "DomainName": "api.example.com",
            "DomainNameConfigurations": [
                {"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
            ],
        },
        "GatewayDomainMapping": {"ApiId": api, "DomainName": {"Ref": "GatewayDomain"}, "Stage": stage},
        "GatewayPermission": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "GatewayFunction"},
            "Principal": "apigateway.amazonaws.com",
            "SourceAccount": {"Ref": "AWS::AccountId"},
            "SourceArn": {
                "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${GatewayApi}/*/$default"
            },
        },
    }
    properties.get("GatewayApi", {}).pop("Name", None)
    for name in sorted(set(wanted) | set(properties)):
        if properties.get(name) != wanted.get(name):
            yield f"{name}: is {properties.get(name)}"
