"""Table schemas of Camtrap DP 1.0.2: the constraints of its columns, for frictionless.

Source: https://camtrap-dp.tdwg.org/data, version 1.0.2
"""

TIME = {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}
NEEDED = {"constraints": {"required": True}}
UNIQUE = {"constraints": {"required": True, "unique": True}}


def between(low, high, needed=False):
    return {"type": "number", "constraints": {"minimum": low, "maximum": high, "required": needed}}


def one_of(*values, needed=False):
    return {"constraints": {"enum": list(values), "required": needed}}


COLUMNS = {
    "deployments": {
        "deploymentID": UNIQUE,
        "latitude": between(-90, 90, needed=True),
        "longitude": between(-180, 180, needed=True),
        "deploymentStart": TIME | NEEDED,
        "deploymentEnd": TIME | NEEDED,
    },
    "media": {
        "mediaID": UNIQUE,
        "deploymentID": NEEDED,
        "timestamp": TIME | NEEDED,
        "filePath": {"constraints": {"required": True, "pattern": r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"}},
        "filePublic": {"type": "boolean"} | NEEDED,
        "fileMediatype": {"constraints": {"required": True, "pattern": "^(image|video|audio)/.*$"}},
    },
    "observations": {
        "observationID": UNIQUE,
        "deploymentID": NEEDED,
        "eventStart": TIME | NEEDED,
        "eventEnd": TIME | NEEDED,
        "observationLevel": one_of("media", "event", needed=True),
        "observationType": one_of(
            "animal", "human", "vehicle", "blank", "unknown", "unclassified", needed=True
        ),
        "bboxX": between(0, 1),
        "bboxY": between(0, 1),
        "bboxWidth": between(1e-15, 1),
        "bboxHeight": between(1e-15, 1),
        "classificationMethod": one_of("human", "machine"),
        "classificationTimestamp": TIME,
        "classificationProbability": between(0, 1),
    },
}
KEYS = {
    "media": [{"fields": "deploymentID", "reference": {"resource": "deployments", "fields": "deploymentID"}}],
    "observations": [
        {"fields": "deploymentID", "reference": {"resource": "deployments", "fields": "deploymentID"}},
        {"fields": "mediaID", "reference": {"resource": "media", "fields": "mediaID"}},
    ],
}


def schema_of(table, header):
    """Descriptor of a table's schema; columns without constraints are texts."""
    fields = [{"name": name, "type": "string"} | COLUMNS[table].get(name, {}) for name in header]
    missing = set(COLUMNS[table]) - set(header)
    assert not missing, f"{table} lacks {missing}"
    return {"fields": fields, "missingValues": ["", "NA", "NaN", "nan"], "foreignKeys": KEYS.get(table, [])}
