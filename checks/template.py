"""What template.yaml becomes on AWS: translated as CloudFormation would,
offline, linted again, and asked for what no linter knows."""

import json
import logging
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

import documented
import metrics
import switches

TEMPLATE = Path("template.yaml")

BINARIES = {
    "AuthorizerFunction": "authorizer",
    "GatewayFunction": "gateway",
    "AdminApisFunction": "admin-apis",
    "AdminKeysFunction": "admin-keys",
    "AdminPlansFunction": "admin-plans",
}

ADMIN_ROUTES = {
    "/restapis": "AdminApisFunction",
    "/restapis/{proxy+}": "AdminApisFunction",
    "/tags/{proxy+}": "AdminApisFunction",
    "/account": "AdminApisFunction",
    "/_keyplan/explain": "AdminApisFunction",
    "/apikeys": "AdminKeysFunction",
    "/apikeys/{proxy+}": "AdminKeysFunction",
    "/usageplans": "AdminPlansFunction",
    "/usageplans/{proxy+}": "AdminPlansFunction",
}

# Where each function reads its environment, besides where all do.
READ_IN = {
    "AuthorizerFunction": ["functions/authorizer/src/settings.rs", "shared/telemetry/src/reporter.rs"],
    "GatewayFunction": ["functions/gateway/src/settings.rs", "shared/telemetry/src/reporter.rs"],
    "AdminApisFunction": [
        "functions/admin/src/lambda.rs", "functions/admin/src/credentials.rs", "functions/gateway/src/settings.rs",
    ],
    "AdminKeysFunction": ["functions/admin/src/lambda.rs", "functions/admin/src/credentials.rs"],
    "AdminPlansFunction": ["functions/admin/src/lambda.rs", "functions/admin/src/credentials.rs"],
}
READ_EVERYWHERE = ["shared/store/src/connect.rs", "shared/telemetry/src/logging.rs"]
# The last two by LoggingConfig.
SET_BY_LAMBDA = {
    "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_LEVEL",
}
# What need not be set by any, and by some: other addresses than the region's,
# what is refused by its name, and what another variable says as well.
EVERYWHERE_OPTIONAL = {
    "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_LAMBDA", "ADMIN_CREDENTIALS_SECRET_ARN", "RUST_LOG",
}
NEED_NOT_BE_SET = {
    "AuthorizerFunction": {"CONFIG_CACHE_TTL_SECONDS", "JWT_ISSUERS_FILE"},
    # It reads the gateway's to call backends as the gateway does, and counts nothing.
    "AdminApisFunction": {
        "CONFIG_CACHE_TTL_SECONDS", "DEFAULT_REST_API_ID", "DEFAULT_STAGE", "METERING_LEASE_CAP", "METERING_ON_FAILURE",
        "RATE_LIMIT_HEADERS", "RETRY_AFTER",
    },
}

WRITES = re.compile(r"dynamodb:(Put|Update|Delete|BatchWrite|PartiQL|Transact)")


def main() -> int:
    translated = translate(TEMPLATE)
    lint(translated)
    resources = translated["Resources"]
    problems = [
        *functions(resources),
        *variables(resources),
        *function_url(resources),
        *admin_routes(resources),
        *tables(resources),
        *roles(resources),
        *metric_filters(resources),
        *example(resources),
        *control_plane_secret(resources),
        *metrics.shown(resources),
        *documented.parameters(translated),
        *documented.alarms(resources),
        *documented.metrics(metrics.written()),
        *documented.variables(resources),
        *documented.cost(),
        *switches.all_off(translated),
        *switches.tracing(translated),
        *switches.encryption(translated),
        *switches.reserved_concurrency(translated),
        *switches.domain_names(translated),
    ]
    return report(problems, f"{len(resources)} resources after translation, each as it should be")


def report(problems: list[str], otherwise: str) -> int:
    """Says what is wrong, or else that all is as it should be; the exit status."""
    for problem in problems:
        print(problem)
    if not problems:
        print(otherwise)
    return 1 if problems else 0


def translate(path: Path) -> dict:
    logging.disable(logging.WARNING)
    template = yaml_parse(path.read_text())
    # What `sam deploy` puts there after packaging.
    functions = [r for r in template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    for properties in [template.get("Globals", {}).get("Function", {}), *(f["Properties"] for f in functions)]:
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://bucket/key"
    return Translator({}, Parser()).translate(template, {})


def lint(translated: dict) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(translated, file)
        file.flush()
        # W3005: the translator states dependencies that are implied.
        # W2001: it puts a parameter's value where it was named.
        subprocess.run(["cfn-lint", "--ignore-checks", "W3005", "W2001", "--", file.name], check=True)


def functions(resources: dict):
    found = {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Function"}
    if found != set(BINARIES):
        yield f"functions are {sorted(found)}, not {sorted(BINARIES)}"
    for name in found & set(BINARIES):
        properties = resources[name]["Properties"]
        if (properties["Runtime"], properties["Architectures"]) != ("provided.al2023", ["arm64"]):
            yield f"{name}: not arm64 on provided.al2023"
        logging = {member: properties["LoggingConfig"].get(member) for member in ("LogFormat", "ApplicationLogLevel")}
        if logging != {"LogFormat": "JSON", "ApplicationLogLevel": {"Ref": "LogLevel"}}:
            yield f"{name}: logs by {logging}"
        if resources[name]["Metadata"]["BuildProperties"] != {"Binary": BINARIES[name]}:
            yield f"{name}: is not built from the binary {BINARIES[name]}"


def variables(resources: dict):
    """What a function reads is set, and what is set is read."""
    for name, sources in READ_IN.items():
        read = set()
        for source in (*READ_EVERYWHERE, *sources):
            # Tests of a file are below its code.
            code = Path(source).read_text().split("#[cfg(test)]")[0]
            read |= set(re.findall(r'"((?:[A-Z][A-Z0-9]*_)+[A-Z0-9]+)"', code))
        environment = set(resources[name]["Properties"]["Environment"]["Variables"])
        for variable in sorted(environment - read):
            yield f"{name}: nothing reads {variable}"
        optional = SET_BY_LAMBDA | EVERYWHERE_OPTIONAL | NEED_NOT_BE_SET.get(name, set())
        for variable in sorted(read - environment - optional):
            yield f"{name}: {variable} is read and not set"


def function_url(resources: dict):
    granted = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Permission"
        and resource["Properties"]["FunctionName"] == {"Ref": "GatewayFunction"}
        and resource["Properties"]["Principal"] == "*"
    ]
    if {permission["Action"] for permission in granted} != {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}:
        yield "GatewayFunction: its URL needs lambda:InvokeFunctionUrl and lambda:InvokeFunction"
    for permission in granted:
        if "FunctionUrlAuthType" not in permission and not permission.get("InvokedViaFunctionUrl"):
            yield "GatewayFunction: may be invoked by anyone, not only through its URL"


def admin_routes(resources: dict):
    paths = resources["AdminApi"]["Properties"]["Body"]["paths"]
    if set(paths) != set(ADMIN_ROUTES):
        yield f"AdminApi: has {sorted(paths)}"
    for path in set(paths) & set(ADMIN_ROUTES):
        method = paths[path].get("x-amazon-apigateway-any-method", {})
        uri = json.dumps(method.get("x-amazon-apigateway-integration", {}).get("uri"))
        if f"${{{ADMIN_ROUTES[path]}.Arn}}" not in uri:
            yield f"AdminApi: {path} does not lead to {ADMIN_ROUTES[path]}"


def tables(resources: dict):
    if resources["ConfigTable"]["Properties"]["StreamSpecification"] != {"StreamViewType": "KEYS_ONLY"}:
        yield "ConfigTable: its stream carries more than keys"
    for index in resources["ConfigTable"]["Properties"]["GlobalSecondaryIndexes"]:
        if "value" in index["Projection"].get("NonKeyAttributes", ["value"]):
            yield "ConfigTable: an index holds the values of keys"


def roles(resources: dict):
    for name in (name for name, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"):
        if resources[name]["Properties"].get("ManagedPolicyArns"):
            yield f"{name}: has a managed policy"
        for statement, condition in statements(resources[name]):
            where = f"{name}, {statement['Sid']}"
            actions = listed(statement["Action"])
            resource = json.dumps(statement["Resource"])
            if condition == "HasTracing" and actions == switches.TO_TRACE:
                # X-Ray has no resource to name.
                continue
            if any("*" in action for action in actions) or statement["Resource"] == "*":
                yield f"{where}: a wildcard that could be named"
            keys = statement.get("Condition", {})
            on_config = "ConfigTable" in resource
            if on_config and ("ForAllValues:StringLike" not in keys or "Null" not in keys):
                yield f"{where}: not bound to partitions of the config table"
            if name not in ("AuthorizerRole", "GatewayRole"):
                continue
            of_attributes = keys.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes")
            notes_use = name == "AuthorizerRole" and of_attributes == ["pk", "sk", "lastUsed"]
            if on_config and notes_use and actions == ["dynamodb:UpdateItem"]:
                continue
            if name == "AuthorizerRole" and statement["Sid"] in ("FirstSight", "FirstSightInAPlan"):
                in_transactions = keys.get("StringEquals") == {"dynamodb:EnclosingOperation": "TransactWriteItems"}
                if condition != "CreatesKeys" or not in_transactions:
                    yield f"{where}: not only where keys are made, or not only in transactions"
                continue
            if on_config and ("/index/" in resource or any(WRITES.match(action) for action in actions)):
                yield f"{where}: the data plane reads items of the config table and nothing more"
            partitions = keys.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
            if name == "GatewayRole" and any(partition.startswith(("KEY", "TOKEN", "SUBJECT", "*")) for partition in partitions):
                yield f"{where}: the gateway can read the values of keys"


def statements(role: dict):
    """Each with the template's condition for it, if it has one."""
    for policy in role["Properties"]["Policies"]:
        yield from statements_of(policy["PolicyDocument"])


def statements_of(document: dict):
    for statement in document["Statement"]:
        condition, statement, _ = statement.get("Fn::If", [None, statement, None])
        yield statement, condition


def listed(value) -> list:
    return value if isinstance(value, list) else [value]


def metric_filters(resources: dict):
    """A filter on anything but the level depends on what is logged."""
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Logs::MetricFilter":
            pattern = resource["Properties"]["FilterPattern"]
            if pattern != '{ $.level = "ERROR" }':
                yield f"{name}: counts {pattern}"


def example(resources: dict):
    properties = resources["ExampleApi"]["Properties"]
    if properties.get("ApiKeySourceType") != "AUTHORIZER":
        yield "ExampleApi: ApiKeySourceType is not AUTHORIZER"
    body = properties["Body"]
    for path, methods in body["paths"].items():
        for verb, method in methods.items():
            asked = {name for requirement in method.get("security", []) for name in requirement}
            if asked != {"KeyplanAuthorizer", "api_key"}:
                yield f"ExampleApi: {verb} {path} asks for {sorted(asked)}"
    authorizer = body["components"]["securitySchemes"]["KeyplanAuthorizer"]["x-amazon-apigateway-authorizer"]
    if authorizer["type"] != "token" or not authorizer.get("authorizerResultTtlInSeconds"):
        yield "ExampleApi: its authorizer is no TOKEN authorizer with a time to live"
    stages = resources["ExamplePlan"]["Properties"]["ApiStages"]
    if [stage["ApiId"] for stage in stages] != [{"Ref": "ExampleApi"}]:
        yield "ExamplePlan: is not the plan of ExampleApi"


def control_plane_secret(resources: dict):
    """A version that is named changes the functions, which read it then."""
    for name in (name for name, binary in BINARIES.items() if binary.startswith("admin-")):
        credentials = resources[name]["Properties"]["Environment"]["Variables"]["ADMIN_CREDENTIALS"]["Fn::Sub"]
        parts = re.findall(r"\{\{resolve:secretsmanager:\$\{AdminCredentials\}:SecretString:(\w+)::(.+?\})\}\}", credentials)
        version = "${AdminCredentialsVersion}"
        if parts != [("accessKeyId", version), ("secretAccessKey", version)]:
            yield f"{name}: accepts {credentials}"


if __name__ == "__main__":
    sys.exit(main())
