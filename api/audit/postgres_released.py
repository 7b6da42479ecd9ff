"""The PostgreSQL schema as it was released, in the catalogue's own words; functions by their text.

A test holds it against what `create_schema` makes: whoever changes the schema changes this list,
and sees what every audit will demand from then on.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from domain.storage.postgres_schema import functions

_FUNCTION: Final = re.compile(
    r"CREATE OR REPLACE FUNCTION kontaktlog\.(\w+)\((.*?)\)\s*RETURNS (.*?) AS \$\$(.*?)\$\$",
    re.DOTALL,
)
_SETTING: Final = re.compile(r"SET (\w+) = ([\w, ]+?)(?=\s+SET|\s*$)")

RELEASED: Final = (
    "column checkpoints.note: 3 text not null",
    "column checkpoints.recorded_at: 4 bigint not null",
    "column checkpoints.root: 2 bytea not null",
    "column checkpoints.size: 1 bigint not null",
    "column event_tags.position: 2 bigint not null",
    "column event_tags.tag: 1 text not null collate C",
    "column events.data: 7 bytea not null",
    "column events.event_id: 3 bytea not null",
    "column events.key_hash: 10 bytea",
    "column events.leaf: 11 bytea not null",
    "column events.metadata: 6 bytea not null",
    "column events.position: 1 bigint not null",
    "column events.recorded_at: 2 bigint not null",
    "column events.stream_id: 8 text collate C",
    "column events.stream_version: 9 bigint",
    "column events.tags: 5 text not null collate C",
    "column events.type: 4 text not null collate C",
    "constraint checkpoints.checkpoints_pkey: PRIMARY KEY (size)",
    "constraint checkpoints.checkpoints_root_check: CHECK ((octet_length(root) = 32))",
    'constraint event_tags.event_tags_pkey: PRIMARY KEY (tag, "position")',
    "constraint events.events_check: CHECK (((stream_id IS NULL) = (stream_version IS NULL)))",
    "constraint events.events_event_id: UNIQUE (event_id)",
    "constraint events.events_event_id_check: CHECK ((octet_length(event_id) = 16))",
    "constraint events.events_key_hash_check: CHECK ((octet_length(key_hash) = 32))",
    "constraint events.events_leaf_check: CHECK ((octet_length(leaf) = 32))",
    'constraint events.events_pkey: PRIMARY KEY ("position")',
    'constraint events.events_position_check: CHECK (("position" > 0))',
    (
        "index checkpoints_pkey: CREATE UNIQUE INDEX checkpoints_pkey ON kontaktlog.checkpoints "
        "USING btree (size)"
    ),
    (
        "index event_tags_pkey: CREATE UNIQUE INDEX event_tags_pkey ON kontaktlog.event_tags "
        'USING btree (tag, "position")'
    ),
    (
        "index events_event_id: CREATE UNIQUE INDEX events_event_id ON kontaktlog.events USING "
        "btree (event_id)"
    ),
    (
        "index events_key: CREATE UNIQUE INDEX events_key ON kontaktlog.events USING btree "
        "(key_hash) WHERE (key_hash IS NOT NULL)"
    ),
    (
        "index events_pkey: CREATE UNIQUE INDEX events_pkey ON kontaktlog.events USING btree "
        '("position")'
    ),
    (
        "index events_stream: CREATE UNIQUE INDEX events_stream ON kontaktlog.events USING btree "
        "(stream_id, stream_version) WHERE (stream_id IS NOT NULL)"
    ),
    "table checkpoints: rp",
    "table event_tags: rp",
    "table events: rp",
    (
        "trigger checkpoints.append_only: A CREATE TRIGGER append_only BEFORE DELETE OR UPDATE "
        "OR TRUNCATE ON kontaktlog.checkpoints FOR EACH STATEMENT EXECUTE FUNCTION "
        "kontaktlog.refuse_change()"
    ),
    (
        "trigger event_tags.append_only: A CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR "
        "TRUNCATE ON kontaktlog.event_tags FOR EACH STATEMENT EXECUTE FUNCTION "
        "kontaktlog.refuse_change()"
    ),
    (
        "trigger events.append_only: A CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR "
        "TRUNCATE ON kontaktlog.events FOR EACH STATEMENT EXECUTE FUNCTION "
        "kontaktlog.refuse_change()"
    ),
    (
        "trigger events.in_order: A CREATE TRIGGER in_order AFTER INSERT ON kontaktlog.events "
        "REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "
        "kontaktlog.refuse_disorder()"
    ),
)
"""One line for each table, column, constraint, index and trigger: `kind name: definition`."""


def released_functions() -> Iterator[str]:
    """Yield one line for each function: name, number of arguments, rights, settings, its text."""
    for text in functions():
        for name, arguments, head, body in _FUNCTION.findall(text):
            number = arguments.count(",") + 1 if arguments.strip() else 0
            rights = "definer" if "SECURITY DEFINER" in head else "invoker"
            settings = ",".join(f"{key}={value}" for key, value in _SETTING.findall(head))
            digest = sha256(body.encode()).hexdigest()
            yield f"function {name}/{number}#1: plpgsql {rights} {settings} {digest}"
