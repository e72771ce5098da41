"""Walks the operations of API Gateway's REST APIs in botocore's own service model
against a local stack: every operation that Keyplan has answers as the model says,
with no member that it does not know; every member is shown somewhere; every error
that it lists is produced. What is not stands in exceptions.json, with a reason. Every
other operation is refused by its name."""

import json
import os
import pathlib
import sys

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import errors
import inputs
import shapes
from server import Server

EXCEPTIONS = json.loads((HERE / "exceptions.json").read_text())
BINARY = os.environ.get("KEYPLAN_BIN_DIR", "target/debug") + "/local"
COMMAND = f"exec {BINARY} --control 127.0.0.1:0 --gateway 127.0.0.1:0 --dynamodb 127.0.0.1:0"


class Walk:
    def __init__(self, address: str):
        self.client = boto3.client(
            "apigateway",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        self.model = self.client.meta.service_model
        self.client.meta.events.register("after-call.apigateway", self._keep)
        self.answer = None
        self.called: dict[str, set[str]] = {}
        self.paged: set[str] = set()
        self.walked: set[str] = set()
        self.in_use: list[tuple[str, dict]] = []
        self.seen: set[str] = set()
        self.problems: list[str] = []

    def _keep(self, http_response, **_):
        self.answer = http_response

    def call(self, name: str, /, **given):
        """Answers a valid input; before the first, what is wrong with it is tried."""
        operation = self.model.operation_model(name)
        is_first = name not in self.walked
        self.walked.add(name)
        produced = self.called.setdefault(name, set())
        for wrong in errors.variants(operation, given) if is_first else []:
            self._try(operation, wrong, produced)
        parsed = self._send(operation, given)
        status = operation.http.get("responseCode", 200)
        if self.answer.status_code != status:
            self.problems.append(f"{name} answers {self.answer.status_code}, not {status}")
        if operation.output_shape is not None and self.answer.content:
            self.problems += shapes.problems(operation.output_shape, json.loads(self.answer.content), name, self.seen)
        if name in errors.REPEATED:
            self._try(operation, given, produced)
        if name in errors.USED:
            delete, members = errors.USED[name]
            of = {member: given[member] for member in members if member in given} or {"usagePlanId": parsed["id"]}
            self.in_use.append((delete, of))
        if name in errors.USES:
            for delete, of in self.in_use:
                self._try(self.model.operation_model(delete), of, self.called.setdefault(delete, set()))
            self.in_use.clear()
        return parsed

    def page(self, name: str, /, **given) -> None:
        """Goes through a list by the client's own paginator, and holds it against
        the whole."""
        operation = self.model.operation_model(name)
        whole = self._send(operation, {**given, "limit": 500})["items"]
        if len(whole) < 3:
            self.problems.append(f"{name} has no more than {len(whole)} items to page through")
        self.paged.add(name)
        paginator = self.client.get_paginator(botocore.xform_name(name))
        for size in range(1, 5):
            found = []
            for page in paginator.paginate(**given, PaginationConfig={"PageSize": size}):
                found += entries(page["items"])
                self.problems += shapes.problems(
                    operation.output_shape, json.loads(self.answer.content), name, self.seen)
            # What GetUsage gives is by key, and in no order.
            if found != entries(whole) and (isinstance(whole, list) or sorted(found) != sorted(entries(whole))):
                self.problems.append(f"pages of {size} of {name} are {found}, and the whole is {whole}")
            # botocore neither cuts a map off nor goes on within one.
            for most in range(1, 5) if isinstance(whole, list) else []:
                found = list(parts(paginator, given, len(whole), {"PageSize": size, "MaxItems": most}))
                if found != whole:
                    self.problems.append(f"{name} by {most} from pages of {size} is {found}, and the whole is {whole}")

    def _send(self, operation, given: dict):
        return getattr(self.client, botocore.xform_name(operation.name))(**given)

    def _try(self, operation, given: dict, produced: set[str]) -> None:
        try:
            self._send(operation, given)
        except ClientError as error:
            code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            # The model has no ValidationException: clients show it as any other.
            produced.add("BadRequestException" if code == "ValidationException" else code)
            if not 400 <= status < 500:
                self.problems.append(f"{operation.name} answers {status} {code} to {given}")

    def refuse_others(self) -> None:
        """Operations that nothing walked are refused by their names."""
        for name in sorted(set(self.model.operation_names) - set(self.called)):
            operation = self.model.operation_model(name)
            shape = operation.input_shape
            required = {member: example(shape.members[member]) for member in shape.required_members}
            try:
                self._send(operation, required)
                self.problems.append(f"{name} is answered")
            except ClientError as error:
                if name not in error.response["Error"]["Message"]:
                    self.problems.append(f"{name} is refused without its name: {error}")

    def check_pages(self) -> None:
        """Whatever botocore has a paginator for was gone through by it."""
        for name in sorted(set(self.called) - self.paged):
            if self.client.can_paginate(botocore.xform_name(name)):
                self.problems.append(f"{name} is not gone through by its paginator")

    def check_errors(self) -> None:
        excused = EXCEPTIONS["errors"]
        for name, produced in sorted(self.called.items()):
            for shape in self.model.operation_model(name).error_shapes:
                reasons = [reason for reason, of in excused.items() if is_excused(of, shape.name, name)]
                if shape.name in produced and reasons:
                    self.problems.append(f"{name} has {shape.name}, though {reasons[0]!r}")
                if shape.name not in produced and not reasons:
                    self.problems.append(f"{name}: nothing produces {shape.name}")

    def check_members(self) -> None:
        known: set[str] = set()
        expected: set[str] = set()
        for name in self.called:
            shape = self.model.operation_model(name).output_shape
            expected |= shapes.members(shape, known) if shape is not None else set()
        excused = {member for of in EXCEPTIONS["members"].values() for member in of}
        self.problems += [f"{member} is never shown" for member in sorted(expected - self.seen - excused)]
        self.problems += [f"{member} is shown, and an exception" for member in sorted(excused & self.seen)]


def entries(items) -> list:
    return items if isinstance(items, list) else list(items.items())


def parts(paginator, given: dict, count: int, config: dict):
    """All items, as many at a time as `config` says, each time from the token that
    the time before ended with."""
    token = None
    # One time more than it can take shows that there is an end.
    for _ in range(count + 1):
        part = paginator.paginate(**given, PaginationConfig={**config, "StartingToken": token}).build_full_result()
        yield from part["items"]
        token = part.get("NextToken")
        if token is None:
            return
    yield "more"


def is_excused(of: dict[str, list[str]], error: str, operation: str) -> bool:
    return bool({operation, "*"} & set(of.get(error, [])))


def example(shape):
    """The least that a required member can be."""
    names = shape.metadata.get("enum")
    text = names[0] if names else "x"
    examples = {"string": text, "list": [], "map": {}, "blob": b"x", "boolean": True, "integer": 1}
    return examples.get(shape.type_name, {})


def main() -> int:
    with Server(COMMAND, ready="ready control=") as stack:
        ready = next(line for line in stack.printed if line.startswith("ready "))
        walk = Walk(dict(part.split("=", 1) for part in ready.split()[1:])["control"])
        inputs.walk(walk.call)
        inputs.pages(walk.call, walk.page)
        walk.refuse_others()
    walk.check_pages()
    walk.check_errors()
    walk.check_members()
    for problem in walk.problems:
        print(problem)
    print(f"{len(walk.called)} of {len(walk.model.operation_names)} operations, {len(walk.problems)} problems")
    return 1 if walk.problems else 0


if __name__ == "__main__":
    sys.exit(main())
