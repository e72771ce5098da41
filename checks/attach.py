"""What others attach: the authorizer's own template, which must be as in the
whole one, and the examples of docs/attach, each asked for what no linter knows.
docs/attach/attach.sh is run by tests/tests/attach.rs."""

import json
import re
import sys
from pathlib import Path

import yaml
from openapi_spec_validator import validate

import documented
import metrics
import switches
from template import lint, report, statements, statements_of, translate

ALONE = Path("functions/authorizer/template.yaml")
EXAMPLES = Path("docs/attach")
DOCUMENT = Path("docs/attach.md")
EVENTS = Path("events/authorizer")

# Of the whole template, and the same alone.
SHARED = ["ConfigTable", "AuthorizerLogs", "AuthorizerPermission"]
VARIABLES = {
    "CONFIG_TABLE": "ConfigTable",
    "TOKEN_CACHE_TTL_SECONDS": "TokenCacheTtlSeconds",
    "JWT_ISSUERS": "JwtIssuers",
    "HTTP_API_RESPONSE": "HttpApiResponse",
}


def main() -> int:
    problems = [*alone(), *example_template(), *example_openapi(), *example_http_api(), *expressions()]
    return report(problems, f"{ALONE} is as the whole template, and the examples of {EXAMPLES} are as they should be")


def translated(path: Path) -> dict:
    whole = translate(path)
    lint(whole)
    return whole["Resources"]


def alone():
    whole_template, template_alone = translate(Path("template.yaml")), translate(ALONE)
    lint(template_alone)
    yield from parameters(whole_template, template_alone)
    yield from documented.parameters_alone(template_alone)
    whole, resources = whole_template["Resources"], template_alone["Resources"]
    for name in SHARED:
        if resources[name] != whole[name]:
            yield f"{ALONE}: {name} is not as in template.yaml"
    with_keys_made = [*statements(whole["AuthorizerRole"])]
    if [*statements(resources["AuthorizerRole"])] != [each for each in with_keys_made if each[1] != "CreatesKeys"]:
        yield f"{ALONE}: AuthorizerRole may do other things than in template.yaml"
    for member in ("AssumeRolePolicyDocument", "ManagedPolicyArns"):
        if resources["AuthorizerRole"]["Properties"].get(member) != whole["AuthorizerRole"]["Properties"].get(member):
            yield f"{ALONE}: AuthorizerRole has another {member} than in template.yaml"
    function = resources["AuthorizerFunction"]
    if function["Metadata"]["BuildProperties"] != {"Binary": "authorizer"}:
        yield f"{ALONE}: the function is not built from the binary authorizer"
    for member in (
        "Handler", "Runtime", "Architectures", "Timeout", "MemorySize", "Role", "LoggingConfig", "TracingConfig",
        "KmsKeyArn", "ReservedConcurrentExecutions",
    ):
        if function["Properties"][member] != whole["AuthorizerFunction"]["Properties"][member]:
            yield f"{ALONE}: the function has another {member} than in template.yaml"
    variables = function["Properties"]["Environment"]["Variables"]
    wanted = {name: {"Ref": source} for name, source in VARIABLES.items()} | {"METRICS_NAMESPACE": metrics.OWN_METRICS}
    if variables != wanted:
        yield f"{ALONE}: the function's environment is {sorted(variables)}"
    policy = resources["KeyOperator"]["Properties"]["PolicyDocument"]
    *operator, (shape, _) = statements_of(policy)
    admin = [each for each in statements(whole["AdminKeysRole"]) if each[0]["Sid"] not in ("Logs", "Traces")]
    if sorted(operator, key=str) != sorted(admin, key=str):
        yield f"{ALONE}: KeyOperator may do other things than admin-keys"
    if (shape["Action"], shape["Resource"]) != ("dynamodb:DescribeTable", {"Fn::GetAtt": ["ConfigTable", "Arn"]}):
        yield f"{ALONE}: KeyOperator cannot see the table's shape, or more than that"


def parameters(whole: dict, alone: dict):
    """Parameters and conditions of one name are the same, and do the same."""
    for name in (name for name in alone["Parameters"] if name in whole["Parameters"]):
        ours, theirs = ({k: v for k, v in each["Parameters"][name].items() if k != "Description"} for each in (alone, whole))
        if ours != theirs:
            yield f"{ALONE}: the parameter {name} is another than in template.yaml"
    for name, condition in alone["Conditions"].items():
        if condition != whole["Conditions"].get(name):
            yield f"{ALONE}: the condition {name} is another than in template.yaml"
    for check in (switches.all_off, switches.tracing, switches.encryption, switches.reserved_concurrency):
        yield from (f"{ALONE}: {problem}" for problem in check(alone))


def example_template():
    where = EXAMPLES / "template.yaml"
    resources = translated(where)
    api = resources["Api"]["Properties"]
    if api.get("ApiKeySourceType") != "AUTHORIZER":
        yield f"{where}: ApiKeySourceType is not AUTHORIZER"
    schemes = api["Body"]["components"]["securitySchemes"]
    for path, verb, operation in operations(api["Body"]):
        # SAM writes one object for each; API Gateway takes all of them.
        asked = {name for requirement in operation.get("security", []) for name in requirement}
        if asked != {"Keyplan", "api_key"}:
            yield f"{where}: {verb} {path} asks for {sorted(asked)}"
    yield from token_scheme(where, schemes["Keyplan"], {"Ref": "AuthorizerArn"})
    permissions = of_type(resources, "AWS::Lambda::Permission")
    granted = [(p["Action"], p["FunctionName"], p["Principal"]) for p in permissions]
    if granted != [("lambda:InvokeFunction", {"Ref": "AuthorizerArn"}, "apigateway.amazonaws.com")]:
        yield f"{where}: the API may not call the authorizer"
    elif "/authorizers/" not in json.dumps(permissions[0].get("SourceArn")):
        yield f"{where}: more than authorizers may call the function"
    if resources["Key"]["Properties"].get("Value") != {"Ref": "KeyValue"}:
        yield f"{where}: the key has not the value that it has in Keyplan"
    member = resources["PlanKey"]["Properties"]
    if (member["UsagePlanId"], member["KeyId"]) != ({"Ref": "Plan"}, {"Ref": "Key"}):
        yield f"{where}: the key is not in the plan"
    stages = of_type(resources, "AWS::ApiGateway::Stage")
    planned = resources["Plan"]["Properties"]["ApiStages"]
    if len(stages) != 1 or [stage["ApiId"] for stage in planned] != [stages[0]["RestApiId"]]:
        yield f"{where}: the plan is not that of the stage"


def example_openapi():
    where = EXAMPLES / "openapi.yaml"
    api = yaml.safe_load(where.read_text())
    validate(api)
    if api.get("x-amazon-apigateway-api-key-source") != "AUTHORIZER":
        yield f"{where}: the key source is not AUTHORIZER"
    for path, verb, operation in operations(api):
        if operation.get("security") != [{"keyplan": [], "api_key": []}]:
            yield f"{where}: {verb} {path} does not ask for both in one object"
        if "x-amazon-apigateway-integration" not in operation:
            yield f"{where}: {verb} {path} has no integration"
    schemes = api["components"]["securitySchemes"]
    if schemes["api_key"] != {"type": "apiKey", "name": "x-api-key", "in": "header"}:
        yield f"{where}: api_key is not what API Gateway takes for a required key"
    yield from token_scheme(where, schemes["keyplan"], "arn:aws:lambda:us-east-1:123456789012:function:authorizer")


def token_scheme(where: Path, scheme: dict, function):
    outside = {name: scheme.get(name) for name in ("type", "name", "in", "x-amazon-apigateway-authtype")}
    if list(outside.values()) != ["apiKey", "Authorization", "header", "custom"]:
        yield f"{where}: the authorizer's scheme is {outside}"
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    known = {"type", "authorizerUri", "authorizerCredentials", "identityValidationExpression", "authorizerResultTtlInSeconds"}
    if not set(authorizer) <= known:
        yield f"{where}: a token authorizer has no {', '.join(set(authorizer) - known)}"
    if authorizer["type"] != "token" or not 0 <= authorizer["authorizerResultTtlInSeconds"] <= 3600:
        yield f"{where}: no token authorizer with a time to live of an hour at most"
    uri = json.dumps(authorizer["authorizerUri"])
    if ":lambda:path/2015-03-31/functions/" not in uri or "/invocations" not in uri:
        yield f"{where}: authorizerUri is not that of an invocation"
    if (json.dumps(function) if isinstance(function, dict) else function) not in uri:
        yield f"{where}: authorizerUri names another function"


def example_http_api():
    where = EXAMPLES / "http-api.yaml"
    resources = translated(where)
    authorizer = resources["Authorizer"]["Properties"]
    form = [authorizer[name] for name in ("AuthorizerType", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses")]
    if form != ["REQUEST", "2.0", True]:
        yield f"{where}: the authorizer is {form}"
    if authorizer["IdentitySource"] != ["$request.header.Authorization", "$context.routeKey"]:
        yield f"{where}: an answer is not kept by token and route"
    for route in of_type(resources, "AWS::ApiGatewayV2::Route"):
        if (route["AuthorizationType"], route["AuthorizerId"]) != ("CUSTOM", {"Ref": "Authorizer"}):
            yield f"{where}: {route['RouteKey']} does not ask for the authorizer"
    (permission,) = of_type(resources, "AWS::Lambda::Permission")
    if permission["FunctionName"] != {"Ref": "AuthorizerArn"}:
        yield f"{where}: the API may not call the authorizer"
    if not permission["SourceArn"]["Fn::Sub"].endswith(":${Api}/authorizers/${Authorizer}"):
        yield f"{where}: more than this authorizer may call the function"


def expressions():
    """One expression everywhere, which lets all valid tokens pass."""
    found = {}
    for path in sorted(EXAMPLES.iterdir()):
        for expression in re.findall(r"'(\^.+\$)'$", path.read_text(), re.MULTILINE):
            found.setdefault(expression, []).append(path.name)
    if len(found) != 1 or sorted(*found.values()) != ["attach.sh", "openapi.yaml", "template.yaml"]:
        yield f"{EXAMPLES}: the expressions are {found}"
        return
    (expression,) = found
    if expression not in DOCUMENT.read_text().splitlines():
        yield f"{DOCUMENT}: shows another expression than {EXAMPLES}"
    accepted = []
    for path in sorted(EVENTS.glob("*.json")):
        event = json.loads(path.read_text())
        if path.name.endswith(".expected.json") or event.get("type") != "TOKEN":
            continue
        answer = json.loads(path.with_name(f"{path.stem}.expected.json").read_text())
        if "usageIdentifierKey" in answer:
            accepted.append(event["authorizationToken"])
    if len(accepted) < 5:
        yield f"{EVENTS}: only {len(accepted)} events have a valid token"
    for token in accepted:
        if not re.fullmatch(expression, token):
            yield f"{EXAMPLES}: the expression keeps {token!r} out"
    for token in ("", "Bearer", "Bearer ", "kp_short", "kp_" + "0" * 39, "a.b", "Basic YTpi", "Basic a.b.c", "a.b.c.d"):
        if re.fullmatch(expression, token):
            yield f"{EXAMPLES}: the expression lets {token!r} in"


def operations(api: dict):
    for path, methods in api["paths"].items():
        for verb, operation in methods.items():
            yield path, verb, operation


def of_type(resources: dict, kind: str) -> list[dict]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


if __name__ == "__main__":
    sys.exit(main())
