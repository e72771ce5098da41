"""What a template counts, and what its alarms and its dashboard show: the same."""

import json
import re
from pathlib import Path

import resolved
from resolved import of_type

# What functions write, in CloudWatch's embedded metric format.
NAMES = Path("shared/telemetry/src/names.rs")
WRITTEN_BY = ["AuthorizerFunction", "GatewayFunction"]

OWN_METRICS = {"Fn::Sub": "Keyplan/${AWS::StackName}"}
# By namespace, what each metric that is used is of.
OF_FUNCTIONS = ("FunctionName", "AWS::Lambda::Function")
OF_TABLES = ("TableName", "AWS::DynamoDB::Table")
AWS_METRICS = {
    "AWS/Lambda": dict.fromkeys(["Duration", "Errors", "Invocations", "Throttles", "Url4xxCount", "Url5xxCount"], OF_FUNCTIONS),
    "AWS/DynamoDB": dict.fromkeys(["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "WriteThrottleEvents"], OF_TABLES),
}


def written() -> dict:
    """The units of the metrics that functions write, by name."""
    return dict(re.findall(r'^        (\w+) (\w+), "', NAMES.read_text(), re.MULTILINE))


def shown(resources: dict):
    """What alarms and the dashboard show is counted, and the reverse."""
    counted = set(written())
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        namespace = function["Environment"]["Variables"].get("METRICS_NAMESPACE")
        if namespace != (OWN_METRICS if name in WRITTEN_BY else None):
            yield f"{name}: writes metrics in the namespace {namespace}"
    for name, log_filter in of_type(resources, "AWS::Logs::MetricFilter").items():
        for transformation in log_filter["MetricTransformations"]:
            if transformation["MetricNamespace"] != OWN_METRICS:
                yield f"{name}: counts in the namespace {transformation['MetricNamespace']}"
            if transformation["MetricName"] in written():
                yield f"{name}: counts {transformation['MetricName']}, which functions write"
            counted.add(transformation["MetricName"])
    known = set()
    for name, namespace, metric, dimensions in [*of_alarms(resources), *of_dashboard(resources)]:
        if namespace == OWN_METRICS["Fn::Sub"]:
            known.add(metric)
            if metric not in counted or dimensions:
                yield f"{name}: nothing counts {metric} {dimensions}".rstrip("{} ")
        elif metric not in AWS_METRICS.get(namespace, {}):
            yield f"{name}: {namespace} is not known to have {metric}"
        else:
            dimension, kind = AWS_METRICS[namespace][metric]
            of = resources.get(dimensions.get(dimension), {}).get("Type")
            if set(dimensions) != {dimension} or of != kind:
                yield f"{name}: {metric} is of {dimensions}"
    for metric in sorted(counted - known):
        yield f"nothing shows {metric}"
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        if alarm["AlarmActions"] != {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], resolved.NOTHING]}:
            yield f"{name}: tells {alarm['AlarmActions']}"
        if alarm["TreatMissingData"] != "notBreaching":
            yield f"{name}: goes off where nothing happens"


def of_alarms(resources: dict):
    """Of each metric its namespace, its name and the resources that it is of."""
    for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items():
        namespace = alarm["Namespace"]
        dimensions = {each["Name"]: each["Value"].get("Ref") for each in alarm.get("Dimensions", [])}
        yield name, namespace["Fn::Sub"] if isinstance(namespace, dict) else namespace, alarm["MetricName"], dimensions


def of_dashboard(resources: dict):
    """CloudWatch's shorthand: `.` is what stands there in the row above, `...` is
    all that stands there but what follows."""
    body = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    for widget in body["widgets"]:
        above = []
        for row in widget["properties"]["metrics"]:
            row = [part for part in row if isinstance(part, str)]
            if row[0] == "...":
                row = above[: len(above) - len(row) + 1] + row[1:]
            row = [above[n] if part == "." else part for n, part in enumerate(row)]
            above = row
            namespace, metric, *dimensions = row
            named = dict(zip(dimensions[::2], (value.strip("${}") for value in dimensions[1::2])))
            yield f"Dashboard, {widget['properties']['title']}", namespace, metric, named
