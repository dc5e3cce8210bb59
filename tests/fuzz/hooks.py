"""Who calls, and the one check of our own.

A caller is a lifter where the document asks for a user's token, the operators where it asks for theirs. A lifter may delete the
account, end the session or change the password: whoever is turned away with 401 is followed by the next of those that seed.sql
makes.
"""

import itertools
import os

import requests
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

BASE_URL = os.environ["FUZZ_BASE_URL"]
ADMIN_TOKEN = os.environ["FUZZ_ADMIN_TOKEN"]
STORE_TOKEN = os.environ["FUZZ_STORE_TOKEN"]
PASSWORD = "lift-heavy"
NAMES = (f"lifter{number}" for number in itertools.count(1))


def asks_for(scheme):
    """Whether an operation asks for the token of this security scheme."""

    def asks(context):
        return any(scheme in needed for needed in context.operation.definition.raw.get("security", []))

    return asks


def log_in(name):
    form = {"username": f"{name}@example.com", "password": PASSWORD}
    answer = requests.post(f"{BASE_URL}/api/v1/users/login", data=form, timeout=10)
    answer.raise_for_status()
    return answer.json()["access_token"]


class Bearer:
    def set(self, case, token, context):
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.auth(retry_on=[401]).apply_to(asks_for("user"))
class Lifter(Bearer):
    def get(self, case, context):
        return log_in(next(NAMES))


@schemathesis.auth(retry_on=[]).apply_to(asks_for("admin"))
class Operators(Bearer):
    def get(self, case, context):
        return ADMIN_TOKEN


@schemathesis.auth(retry_on=[]).apply_to(asks_for("Authorization"))
class Store:
    """RevenueCat. Stripe's signature depends on the body: unsigned ones are refused by a rule."""

    def get(self, case, context):
        return STORE_TOKEN

    def set(self, case, token, context):
        case.headers["Authorization"] = token


# What no schema can say of a value: that what it names is there, that it stands once in a list, that it goes with the rest.
RULES_OF_FIELDS = {"unknown", "repeated", "rule"}
# 400 is the answer of rules (a name that is taken, a body that contradicts its path), but for these.
NO_RULES = {"malformed_request", "bad_host", "unsupported_api_version"}


def is_refused_by_a_rule(response):
    """Whether a rule refused what the schema allows. Every mistake that a schema could have told is a failure all the same."""
    if response.status_code == 400:
        return response.json()["error_code"] not in NO_RULES
    if response.status_code == 422:
        return all(is_rule(error) for error in response.json()["errors"])
    return False


def is_rule(error):
    """Schemas count the characters of a text. That a password has 72 bytes at most is another thing."""
    return error["code"] in RULES_OF_FIELDS or error["code"] == "length" and "bytes" in error["detail"]


def is_linked_to_null(case):
    """Whether a value of the path was taken from an earlier answer that has null there: the link is a guess from names."""
    return any(value is None for value in case.path_parameters.values())


@schemathesis.check
def valid_data_is_understood(ctx, response, case):
    if is_refused_by_a_rule(response) or is_linked_to_null(case):
        return None
    return positive_data_acceptance(ctx, response, case)
