#!/usr/bin/env python3
"""Writes the JSON Schemas of all that gradleak writes as JSON, from the Swift types that are encoded and the comments on
their members: names, types, which may be missing, and what they mean. They go into Sources/CBundledFiles/schemas, from
where `gradleak schema` prints them, with the C that bundles them; docs/records.md lists the fields.

    scripts/docs/schemas.py            # writes
    scripts/docs/schemas.py --check    # status 1 where what is there is not what would be written

The tests hold what commands print against the schemas, unknown fields not allowed, so that a type that is encoded by hand
cannot hide from this reading of the sources.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "Sources"
OUT = SOURCES / "CBundledFiles/schemas"
PAGE = ROOT / "docs/records.md"

DRAFT = "https://json-schema.org/draft/2020-12/schema"

# Name, the type that is encoded, whether a list of it, where it is met.
DOCUMENTS = [
    ("run", "RunRecord", True, "`run.json` and `defences.json` of results; `--json` of `demo`, `reconstruct`, `text`, `table` and `run`"),
    ("audit", "Report.Summary", False, "`gradleak audit --json`, `gradleak report --json`"),
    ("experiment", "Experiment", False, "what `gradleak run` takes; `experiment` of a record"),
    ("plan", "OptimizationPlan", False, "what `--plan` takes; `gradleak attacks NAME --json` of a preset"),
    ("timing", "RunTiming", True, "`timing.json`"),
    ("analysis", "AnalysisRecord", False, "`analysis.json`, `gradleak analyse --json`"),
    ("sweep", "SweepReport", False, "`gradleak sweep --json`"),
    ("price", "PriceReport", False, "`gradleak price --json`"),
    ("success", "SuccessReport", False, "`gradleak bench success --json`"),
    ("labels", "LabelBenchmark", False, "`gradleak bench labels --json`, `labels.json`"),
    ("encodings", "EncodingBenchmark", False, "`gradleak bench encodings --json`, `encodings.json`"),
    ("planted", "PlantedModelBenchmark", False, "`gradleak bench planted --json`"),
    ("malicious", "MaliciousRecord", False, "`gradleak malicious --json`, `malicious.json`"),
    ("membership", "MembershipRecord", False, "`gradleak infer membership --json`, `membership.json`"),
    ("property", "PropertyRecord", False, "`gradleak infer property --json`, `property.json`"),
    ("check-dp", "PrivacyClaimRecord", False, "`gradleak check-dp --json`"),
    ("audit-mechanism", "MechanismRecord", False, "`gradleak audit-mechanism --json`"),
    ("federation", "FederationRecord", False, "`gradleak federation --json`, `federation.json`"),
    ("federation-costs", "ProtectionCosts", False, "`gradleak federation costs --json`"),
    ("gan", "GANRecord", False, "`gradleak federation gan --json`, `gan.json`"),
    ("weak-seed", "WeakSeedStudy.Record", False, "`gradleak federation weak-seed --json`, `weak-seed.json`"),
    ("check-model", "CheckModelCommand.Report", False, "`gradleak check-model --json`"),
    ("inspect-update", "UpdateInspection.Report", False, "`gradleak inspect --json` of an update"),
    ("inspect-model", "ModelInspection.Report", False, "`gradleak inspect --json` of a model"),
    ("rank", "RankCommand.Report", False, "`gradleak rank --json`"),
    ("gradient", "GradientCommand.Summary", False, "`gradleak gradient --json`"),
    ("attacks", "AttacksCommand.Entry", True, "`gradleak attacks --json`"),
    ("models", "ModelsCommand.Entry", True, "`gradleak models --json`"),
    ("defences", "DefencesCommand.Entry", True, "`gradleak defences --json`"),
    ("devices", "DevicesCommand.Entry", True, "`gradleak devices --json`"),
    ("onnx-operators", "OnnxOperatorsCommand.Entry", True, "`gradleak onnx-operators --json`"),
    ("onnx-conformance", "ONNXConformanceResult", True, "`gradleak onnx-conformance --json`"),
]

NUMBER = {
    "description": "A number. JSON has no infinity: those that are not finite are words, which Python's float() reads.",
    "anyOf": [{"type": "number"}, {"enum": ["inf", "-inf", "nan"]}],
}
STRING = {"type": "string"}
PLAIN = {
    "String": STRING,
    "Int": {"type": "integer"},
    "UInt64": {"type": "integer", "minimum": 0},
    "Double": {"type": "number"},
    "Float": {"type": "number"},
    "Bool": {"type": "boolean"},
    # Encoded as text by hand.
    **{
        name: STRING
        for name in (
            "DefenceChain", "WeightSource", "AttackName", "LearningRateSchedule",
            "ClientOptimizer.Name", "Name", "Sentence", "DataKindName",
        )
    },
    "ExampleLabel": {"type": ["integer", "string"]},
}

# What types encode by hand, by their qualified names: members that are left out, added, or not always there.
HIDDEN = {"RunRecord": ["examples"], "ExperimentData": ["kind", "examples"], "ClientTraining": ["steps"]}
SETTING = "Of the optimiser: see docs/guides/optimizers.md."
ADDED = {
    "RunRecord": [
        ("texts", "[ExampleResult]?", "The same of texts, where `kind` is `texts`."),
        ("rows", "[ExampleResult]?", "The same of rows of a table, where `kind` is `rows`."),
        ("signals", "[ExampleResult]?", "The same of signals over time, where `kind` is `signals`."),
    ],
    "ExperimentData": [
        ("pictures", "[String]?", "The private pictures, or those to measure by: paths, or names of bundled photographs."),
        ("texts", "[String]?", "The private texts, or those to measure by, as they are."),
        ("rows", "[String]?", "The private rows, or those to measure by: their numbers in `table`, from 1. Of these four keys there is one."),
        ("signals", "[String]?", "The private signals: recordings, behind @ the first sample. Of these four keys there is one."),
    ],
    "ClientTraining": [
        ("optimizer", "String?", "The optimiser; plain gradient descent, `sgd`, where it is missing."),
        *[(name, "Double?", SETTING) for name in ("momentum", "weightDecay", "beta1", "beta2", "alpha", "eps")],
        *[(name, "Bool?", SETTING) for name in ("nesterov", "centered", "amsgrad")],
        ("schedule", "String?", "How the learning rate changes."),
        ("accumulate", "Int?", "Mini-batches whose gradients make one step."),
        ("clipNorm", "Double?", "Largest norm of all gradients of a step together."),
        ("clipValue", "Double?", "Largest absolute value of a gradient's element."),
        ("proximal", "Double?", "The factor of FedProx's term."),
        ("optimizerState", "String?", "A file of tensors with what the optimiser kept from earlier rounds."),
        ("weightPrecision", "Precision?", "Of a simulated client's weights, in whose differences its rounding shows."),
    ],
}
OPTIONAL = {"RunRecord": ["images", "kind"]}
# Written by people, who leave out what has its default.
ALL_OPTIONAL = {
    "Experiment", "ExperimentData", "ModelChoice", "LossChoice", "ClientTraining", "UpdateChoice", "StepChoice",
    "TableChoice",
    "AttackConfiguration", "OptimizationPlan",
}


class Type:
    def __init__(self) -> None:
        self.kind = ""
        self.comment = ""
        self.members: list[tuple[str, str, str]] = []  # name, type, comment
        self.cases: list[tuple[str, str]] = []  # name, raw value
        self.version: int | None = None  # currentVersion


MODIFIERS = r"(?:public |package |private |fileprivate |final |private\(set\) )*"
DECLARATION = re.compile(rf"^\s*{MODIFIERS}(struct|enum|extension|class|actor|protocol) ([\w.]+)[^{{]*\{{")
MEMBER = re.compile(rf"^\s*{MODIFIERS}(?:var|let) (\w+)(?:: ([^={{]+?))?(?:\s*=\s*(.+?))?\s*$")
VERSION = re.compile(rf"^\s*{MODIFIERS}static let currentVersion = (\d+)$")
CASE = re.compile(r"^\s*(?:indirect )?case ([^:(]+)$")


def type_of_default(value: str) -> str:
    """The type of a member that is declared by its value alone."""
    if value.startswith('"') or value == "GradleakVersion.current":
        return "String"
    if value in ("true", "false"):
        return "Bool"
    if re.fullmatch(r"-?[\d_]+", value) or value.endswith(".currentVersion"):
        return "Int"
    if re.fullmatch(r"-?[\d_.]+(e-?\d+)?", value):
        return "Double"
    if re.fullmatch(r"\[[\d., ]+\]", value):
        return "[Double]"
    match = re.fullmatch(r"([A-Z][\w.]*?)(?:\(.*\)|\.[a-z]\w*)", value)
    if match:
        return match.group(1)
    raise SystemExit(f"schemas: what type has {value}?")


def read_sources() -> dict[str, Type]:
    types: dict[str, Type] = {}
    for path in sorted(SOURCES.rglob("*.swift")):
        scope: list[tuple[int, str]] = []  # depth outside, qualified name
        depth, comment = 0, []
        for line in path.read_text().split("\n"):
            text = line.strip()
            if text.startswith("///"):
                comment.append(text[3:].strip())
                continue
            if text.startswith(("//", "@", "#")) and not DECLARATION.match(line):
                continue
            change = line.count("{") - line.count("}")
            declared = DECLARATION.match(line)
            inside = types[scope[-1][1]] if scope and depth == scope[-1][0] + 1 else None
            if declared:
                name = ".".join([scope[-1][1]] if scope else []) + ("." if scope else "") + declared[2]
                here = types.setdefault(name, Type())
                if declared[1] != "extension":
                    here.kind, here.comment = declared[1], " ".join(comment)
                if change > 0:
                    scope.append((depth, name))
            elif inside and (version := VERSION.match(line)):
                inside.version = int(version[1])
            elif inside and inside.kind == "struct" and "static " not in line:
                member = MEMBER.match(line)
                if member and (member[2] or member[3]):
                    kind = member[2].strip() if member[2] else member[3]
                    inside.members.append((member[1], ("" if member[2] else "=") + kind, " ".join(comment)))
            elif inside and inside.kind == "enum":
                case = CASE.match(line)
                for part in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', case[1]) if case else []:
                    name, _, raw = (piece.strip().strip('`"') for piece in part.partition("="))
                    inside.cases.append((name, raw or name))
            depth += change
            while scope and depth <= scope[-1][0]:
                scope.pop()
            comment = []
    return types


def plain(comment: str) -> str:
    """A comment without the marks of DocC, about JSON."""
    text = re.sub(r"``(?:\w+/)?([^`(]*)[^`]*``", r"`\1`", comment)
    return re.sub(r"\b([Nn])il\b", lambda nil: "Missing" if nil[1] == "N" else "missing", text).replace("  ", " ").strip()


class Schemas:
    def __init__(self, types: dict[str, Type]):
        self.types = types
        self.definitions: dict[str, dict] = {}
        self.undescribed: list[str] = []

    def found(self, name: str, context: str) -> str:
        parts = context.split(".")
        for length in range(len(parts), -1, -1):
            qualified = ".".join([*parts[:length], name])
            if qualified in self.types and (self.types[qualified].members or self.types[qualified].cases):
                return qualified
        matches = [key for key in self.types if key.endswith("." + name) and self.types[key].kind]
        if len(matches) != 1:
            raise SystemExit(f"schemas: {name} in {context} is {matches or 'not found'}")
        return matches[0]

    def of(self, kind: str, context: str) -> dict:
        kind = kind.strip()
        if kind.startswith("="):
            kind = type_of_default(kind[1:])
        if kind.endswith("?"):
            return self.of(kind[:-1], context)
        if kind.startswith("[") and kind.endswith("]"):
            key, colon, value = kind[1:-1].partition(":")
            if colon:
                return {"type": "object", "additionalProperties": self.of(value, context)}
            return {"type": "array", "items": self.of(key, context)}
        if kind.startswith("Set<"):
            return {"type": "array", "items": self.of(kind[4:-1], context)}
        if kind in PLAIN:
            return PLAIN[kind]
        if kind == "JSONNumber":
            self.definitions["number"] = NUMBER
            return {"$ref": "#/$defs/number"}
        name = self.found(kind, context)
        if self.types[name].kind == "enum":
            return {"enum": [raw for _, raw in self.types[name].cases]}
        key = name[0].lower() + name[1:].replace(".", "")
        if key not in self.definitions:
            self.definitions[key] = {}
            self.definitions[key] = self.object(name)
        return {"$ref": f"#/$defs/{key}"}

    def object(self, name: str) -> dict:
        declared = self.types[name]
        keys = {case: raw for case, raw in self.types.get(f"{name}.CodingKeys", Type()).cases}
        members = [m for m in declared.members if m[0] not in HIDDEN.get(name, [])] + ADDED.get(name, [])
        added = {member for member, _, _ in ADDED.get(name, [])}
        properties, required = {}, []
        for member, kind, comment in members:
            if keys and member not in keys and member not in added:
                continue
            key = keys.get(member, member)
            text = plain(comment)
            if not text:
                self.undescribed.append(f"{name}.{member}")
            properties[key] = {**({"description": text} if text else {}), **self.of(kind, name)}
            if not (kind.endswith("?") or member in OPTIONAL.get(name, []) or name in ALL_OPTIONAL):
                required.append(key)
        text = plain(declared.comment)
        return {
            **({"description": text} if text else {}), "type": "object", "properties": properties,
            "required": required, "additionalProperties": False,
        }


def documents(types: dict[str, Type]) -> dict[str, dict]:
    result = {}
    undescribed: set[str] = set()
    for name, root, is_list, place in DOCUMENTS:
        schemas = Schemas(types)
        body = schemas.object(root)
        number = types[root].version
        head = {
            "$schema": DRAFT, "$id": f"urn:gradleak:{name}" + (f":{number}" if number else ""),
            "title": f"gradleak {name}" + (f", version {number}" if number else ""),
        }
        comment = f"Met in {place}."
        if is_list:
            key = root[0].lower() + root[1:].replace(".", "")
            schemas.definitions = {key: body, **{k: v for k, v in schemas.definitions.items() if k != key}}
            body = {"description": comment, "type": "array", "items": {"$ref": f"#/$defs/{key}"}}
        else:
            body["description"] = f"{body.get('description', '')} {comment}".strip()
        definitions = {"$defs": schemas.definitions} if schemas.definitions else {}
        result[name] = {**head, **body, **definitions}
        undescribed.update(schemas.undescribed)
    if undescribed:
        sys.exit("schemas: say with /// what these mean: " + ", ".join(sorted(undescribed)))
    return result


def kind_words(schema: dict) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return "number" if name == "number" else f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return "list of " + kind_words(schema["items"])
    if schema.get("type") == "object":
        return "by name: " + kind_words(schema["additionalProperties"])
    kinds = schema["type"]
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


def page(all_documents: dict[str, dict]) -> str:
    lines = [
        "# Records: every field",
        "",
        "What gradleak writes as JSON, field by field, made by `scripts/docs/schemas.py` from the types that are written. "
        "`gradleak schema NAME` prints the JSON Schema (2020-12) of each; what commands print is held against them by the tests, "
        "and no field is allowed that is not in them. [Reading results](guides/reading-results.md) explains the ones that matter.",
        "",
        "A version in a record rises when fields change their meaning or new ones come; readers refuse a newer one. "
        "A field that is not required is left out where it has nothing to say.",
        "",
        "| name | where |",
        "| --- | --- |",
    ]
    for name, root, is_list, place in DOCUMENTS:
        lines.append(f"| [{name}](#{all_documents[name]['title'].lower().replace(' ', '-').replace(',', '')}) | {place} |")
    shown: set[str] = set()
    for name, *_ in DOCUMENTS:
        document = all_documents[name]
        lines += ["", f"## {document['title']}", "", document["description"]]
        definitions = dict(document.get("$defs", {}))
        tables = [(None, document)] if "properties" in document else []
        tables += [(key, value) for key, value in definitions.items() if "properties" in value]
        for key, value in tables:
            if key in shown:
                continue
            if key:
                shown.add(key)
                lines += ["", f"### {key}", "", value.get("description", "")]
            lines += ["", "| field | type | meaning |", "| --- | --- | --- |"]
            for field, schema in value["properties"].items():
                missing = "" if field in value["required"] else ", may be missing"
                meaning = schema.get("description", "").replace("|", "\\|")
                lines.append(f"| `{field}` | {kind_words(schema)}{missing} | {meaning} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main() -> None:
    made = documents(read_sources())
    files = {OUT / f"{name}.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in made.items()}
    files[OUT / "arrays.inc"] = "".join(
        f"static const unsigned char schema_{name.replace('-', '_')}[] = {{\n#embed \"{name}.json\"\n}};\n" for name in made
    )
    files[OUT / "table.inc"] = "".join(
        f'{{"schemas/{name}.json", schema_{name.replace("-", "_")}, sizeof schema_{name.replace("-", "_")}}},\n' for name in made
    )
    files[PAGE] = page(made)
    if "--check" in sys.argv:
        stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
        if stale:
            sys.exit("schemas: run scripts/docs/schemas.py; not up to date: " + ", ".join(p.name for p in stale))
        return
    OUT.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text)
    print(f"{len(made)} schemas, {sum(len(t) for t in files.values()) // 1024} KB")


if __name__ == "__main__":
    main()
