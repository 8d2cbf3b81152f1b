# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The part of JSON Schema 2020-12 that docs/flow-v1.schema.json uses; a keyword that is not known here is
an error, so that none is believed to be checked that is not."""
import json
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FLOW = os.path.join(TOP, "docs", "flow-v1.schema.json")
TYPES = {"object": dict, "string": str, "integer": int, "number": (int, float), "array": list}
SILENT = {"$schema", "$id", "$defs", "title", "description"}


class Schema:
    def __init__(self, path=FLOW):
        with open(path, encoding="utf-8") as file:
            self.root = json.load(file)

    def mistakes(self, value):
        """What is wrong with a value, as sentences; none when it is good."""
        return list(self.check(self.root, value, "record"))

    def check(self, schema, value, where):
        if schema is False:
            yield f"{where}: must not be there"
            return
        for keyword, wanted in schema.items():
            if keyword not in SILENT:
                yield from getattr(self, "check_" + keyword.strip("$"))(wanted, value, where, schema)

    def check_ref(self, wanted, value, where, _schema):
        target = self.root
        for part in wanted.removeprefix("#/").split("/"):
            target = target[part]
        yield from self.check(target, value, where)

    def check_type(self, wanted, value, where, _schema):
        if not isinstance(value, TYPES[wanted]) or isinstance(value, bool):
            yield f"{where}: {value!r} is no {wanted}"

    def check_const(self, wanted, value, where, _schema):
        if value != wanted:
            yield f"{where}: {value!r} is not {wanted!r}"

    def check_enum(self, wanted, value, where, _schema):
        if value not in wanted:
            yield f"{where}: {value!r} is none of {wanted}"

    def check_pattern(self, wanted, value, where, _schema):
        if isinstance(value, str) and not re.search(wanted, value):
            yield f"{where}: {value!r} does not match {wanted}"

    def check_minLength(self, wanted, value, where, _schema):
        if isinstance(value, str) and len(value) < wanted:
            yield f"{where}: shorter than {wanted}"

    def check_minimum(self, wanted, value, where, _schema):
        if isinstance(value, (int, float)) and value < wanted:
            yield f"{where}: {value} is below {wanted}"

    def check_maximum(self, wanted, value, where, _schema):
        if isinstance(value, (int, float)) and value > wanted:
            yield f"{where}: {value} is above {wanted}"

    def check_required(self, wanted, value, where, _schema):
        for key in wanted:
            if key not in value:
                yield f"{where}: no {key}"

    def check_dependentRequired(self, wanted, value, where, schema):
        for key, others in wanted.items():
            if key in value:
                yield from self.check_required(others, value, where, schema)

    def check_properties(self, wanted, value, where, _schema):
        for key, schema in wanted.items():
            if isinstance(value, dict) and key in value:
                yield from self.check(schema, value[key], f"{where}.{key}")

    def check_additionalProperties(self, wanted, value, where, schema):
        if isinstance(value, dict) and wanted is False:
            for key in value.keys() - schema["properties"].keys():
                yield f"{where}: the key {key} is not described"

    def check_oneOf(self, wanted, value, where, _schema):
        found = {schema.get("title", i): list(self.check(schema, value, where))
                 for i, schema in enumerate(wanted)}
        if sum(not mistakes for mistakes in found.values()) != 1:
            yield f"{where}: not exactly one of: {found}"
