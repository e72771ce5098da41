"""What the documents tell of the template: all of it, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

from resolved import of_type

README = Path("README.md")
OPERATE = Path("docs/operate.md")


def parameters(template: dict):
    grouped = [
        name
        for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        for name in group["Parameters"]
    ]
    if sorted(grouped) != sorted(template["Parameters"]):
        yield f"Interface: its groups are not of the parameters: {sorted(set(grouped) ^ set(template['Parameters']))}"
    told = {}
    for names, default in rows(README, "parameter"):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), default.strip("`"))
    wanted = {name: str(parameter["Default"]) or "empty" for name, parameter in template["Parameters"].items()}
    for name in sorted(set(told) | set(wanted)):
        if told.get(name) != wanted.get(name):
            yield f"{README}: the default of {name} is {wanted.get(name)}, and {told.get(name)} there"
    for name, parameter in template["Parameters"].items():
        if not parameter.get("Description"):
            yield f"{name}: has no description"


def parameters_alone(template: dict):
    section = re.search(r"^## Deploy only the authorizer$.*?^## ", README.read_text(), re.MULTILINE | re.DOTALL)[0]
    for name in template["Parameters"]:
        if f"`{name}`" not in section:
            yield f"{README}: does not tell of {name}"


def alarms(resources: dict):
    told = [names.strip("`") for names, _ in rows(OPERATE, "alarm")]
    wanted = of_type(resources, "AWS::CloudWatch::Alarm")
    if sorted(told) != sorted(wanted):
        yield f"{OPERATE}: tells of other alarms than the template has: {sorted(set(told) ^ set(wanted))}"


def metrics(units: dict):
    """The table of metrics has those of `units`, and `AdminFailures`, each with its unit."""
    told = {name: unit for names, unit in rows(OPERATE, "metric") for name in re.findall(r"`(\w+)`", names)}
    wanted = units | {"AdminFailures": "Count"}
    for name in sorted(set(told) | set(wanted)):
        if told.get(name) != wanted.get(name):
            yield f"{OPERATE}: the unit of {name} is {wanted.get(name)}, and {told.get(name)} there"


def variables(resources: dict):
    told = {name for names, _ in rows(README, "variable") for name in re.findall(r"`(\w+)`", names)}
    for function, properties in of_type(resources, "AWS::Lambda::Function").items():
        for name in sorted(set(properties["Environment"]["Variables"]) - told):
            yield f"{README}: does not tell of {name}, which {function} has"


def cost():
    """The table of costs is what the commands below it print."""
    text = OPERATE.read_text()
    script = re.search(r"^python3 - <<'END'\n(.*?)^END$", text, re.MULTILINE | re.DOTALL)[1]
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    if printed not in text:
        yield f"{OPERATE}: the costs are not what its commands print"


def rows(document: Path, head: str):
    """The first two cells of each row of the table whose first column is `head`."""
    table = re.search(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", document.read_text(), re.MULTILINE)
    for row in table[1].splitlines():
        first, second = row.split(" | ")[:2]
        yield first.removeprefix("| "), second
