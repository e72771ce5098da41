"""A template as CloudFormation deploys it by given parameters: conditions
decided, `Fn::If` followed, parameters in the place of their references."""

NOTHING = {"Ref": "AWS::NoValue"}


def resources(template: dict, **parameters: str) -> dict:
    """Those that are deployed, by the defaults where `parameters` tells nothing."""
    unknown = set(parameters) - set(template["Parameters"])
    if unknown:
        raise KeyError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {name: str(parameters.get(name, parameter["Default"])) for name, parameter in template["Parameters"].items()}
    conditions = template.get("Conditions", {})
    holds = {name: decided(condition, values) for name, condition in conditions.items()}
    return {
        name: without_nothing(resource, values, holds)
        for name, resource in template["Resources"].items()
        if holds.get(resource.get("Condition"), True)
    }


def decided(condition: dict, values: dict) -> bool:
    ((function, arguments),) = condition.items()
    match function:
        case "Fn::Not":
            return not decided(arguments[0], values)
        case "Fn::Equals":
            left, right = (without_nothing(argument, values, {}) for argument in arguments)
            return str(left) == str(right)
    raise ValueError(f"not a condition that is used here: {function}")


def without_nothing(value, values: dict, holds: dict):
    """`value` resolved; what is `AWS::NoValue` goes with its name."""
    match value:
        case {"Fn::If": [condition, then, otherwise]}:
            return without_nothing(then if holds[condition] else otherwise, values, holds)
        case {"Ref": str(name)} if name in values:
            return values[name]
        case {"Fn::Join": [separator, {"Ref": str(name)}]} if name in values:
            return separator.join(values[name].split(","))
        case dict():
            members = {name: without_nothing(member, values, holds) for name, member in value.items()}
            return {name: member for name, member in members.items() if member != NOTHING}
        case list():
            items = [without_nothing(item, values, holds) for item in value]
            return [item for item in items if item != NOTHING]
    return value


def allowed(role: dict) -> list:
    """The statements of a role whose conditions are decided."""
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def of_type(resources: dict, kind: str) -> dict:
    """The properties of the resources of a type, by name."""
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}
