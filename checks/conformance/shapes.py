"""Holds answers against the shapes of botocore's service model."""

PLAIN = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float),
}


def problems(shape, value, place: str, seen: set[str]) -> list[str]:
    """What of a value is not as its shape says. Members of structures that are
    there are added to `seen`, as `Shape.member`."""
    if value is None:
        return [f"{place} is null"]
    match shape.type_name:
        case "structure":
            if not isinstance(value, dict):
                return [f"{place} is no object"]
            members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
            found = []
            for name, inner in value.items():
                if name not in members:
                    found.append(f"{place}.{name} is unknown to {shape.name}")
                    continue
                seen.add(f"{shape.name}.{members[name][0]}")
                found += problems(members[name][1], inner, f"{place}.{name}", seen)
            return found
        case "list":
            if not isinstance(value, list):
                return [f"{place} is no list"]
            items = enumerate(value)
            return [each for at, item in items for each in problems(shape.member, item, f"{place}[{at}]", seen)]
        case "map":
            if not isinstance(value, dict):
                return [f"{place} is no map"]
            items = value.items()
            return [each for name, item in items for each in problems(shape.value, item, f"{place}[{name}]", seen)]
        case plain:
            if isinstance(value, bool) and plain != "boolean" or not isinstance(value, PLAIN[plain]):
                return [f"{place} is {value!r} and no {plain}"]
            names = shape.metadata.get("enum")
            return [f"{place} is {value!r}, which is none of {names}"] if names and value not in names else []


def members(shape, known: set[str]) -> set[str]:
    """All members of a shape and of those within it, as `Shape.member`."""
    match shape.type_name:
        case "structure":
            found = set()
            for name, member in shape.members.items():
                place = f"{shape.name}.{name}"
                if place not in known:
                    known.add(place)
                    found |= {place} | members(member, known)
            return found
        case "list":
            return members(shape.member, known)
        case "map":
            return members(shape.value, known)
        case _:
            return set()
