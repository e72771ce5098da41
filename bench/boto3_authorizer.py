"""What Keyplan's authorizer does for an opaque token, in Python with boto3.

The same checks offline, the same one GetItem, the same answer; nothing is
cached. `bench` measures goal B3 beside it, under AWS's own runtime for Python.
"""

import hashlib
import os
import time
import zlib

import boto3

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = "kp_"
LENGTH = len(PREFIX) + 32 + 6

dynamodb = boto3.client("dynamodb")
table = os.environ["CONFIG_TABLE"]


def handler(event, context):
    token = bearer(event.get("authorizationToken") or "")
    if not well_formed(token):
        raise Exception("Unauthorized")
    digest = hashlib.sha256(token.encode()).hexdigest()
    key = {"pk": {"S": f"TOKEN#{digest}"}, "sk": {"S": "TOKEN"}}
    item = dynamodb.get_item(TableName=table, Key=key).get("Item")
    if item is None:
        raise Exception("Unauthorized")
    record = item["data"]["M"]
    if "expires" in record and int(record["expires"]["N"]) <= time.time_ns():
        raise Exception("Unauthorized")
    return answer(record, item["value"]["S"], event["methodArn"])


def bearer(header):
    scheme, _, rest = header.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else header.strip()


def well_formed(token):
    if len(token) != LENGTH or not token.startswith(PREFIX) or not token[len(PREFIX) :].isalnum():
        return False
    body, checksum = token[len(PREFIX) : -6], token[-6:]
    return checksum == base62(zlib.crc32(body.encode()))


def base62(number):
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits


def answer(record, key_value, method_arn):
    stage = "/".join(method_arn.split("/")[:2])
    scopes = [scope["S"] for scope in record.get("scopes", {}).get("L", [])]
    context = {"apiKeyId": record["keyId"]["S"], "tokenId": record["id"]["S"]}
    if scopes:
        context["scopes"] = " ".join(scopes)
    statements = [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{stage}/{scope}"}
        for scope in scopes or ["*/*"]
    ]
    return {
        "principalId": record["principalId"]["S"],
        "policyDocument": {"Version": "2012-10-17", "Statement": statements},
        "context": context,
        "usageIdentifierKey": key_value,
    }
