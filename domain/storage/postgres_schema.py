"""The log's tables, guards and functions in PostgreSQL, and the one place that creates them.

The application's role may only read the tables and call two functions; the guards refuse changes
to the owner as well. What an owner can still do (drop a guard) is what the tree and the published
checkpoints are for.
"""

import hashlib
from typing import Final

import psycopg
from psycopg import sql

from domain.errors import Unavailable

SCHEMA: Final = "kontaktlog"
CHANNEL: Final = "kontaktlog"
"""Where each batch is announced; the payload is the new head."""
APPEND_LOCK: Final = 7_105_411_001
"""Advisory lock all writers of a database queue for: one order, no gaps."""
CLOCK_STEP_MICROSECONDS: Final = 1_000_000
"""A clock this far behind the last row has been set back; less is drift and is held level."""

_TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS kontaktlog;
CREATE TABLE IF NOT EXISTS kontaktlog.events (
  position bigint PRIMARY KEY CHECK (position > 0),
  recorded_at bigint NOT NULL,
  event_id bytea NOT NULL CONSTRAINT events_event_id UNIQUE CHECK (octet_length(event_id) = 16),
  type text COLLATE "C" NOT NULL,
  tags text COLLATE "C" NOT NULL,
  metadata bytea NOT NULL,
  data bytea NOT NULL,
  stream_id text COLLATE "C",
  stream_version bigint,
  key_hash bytea CHECK (octet_length(key_hash) = 32),
  leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
  CHECK ((stream_id IS NULL) = (stream_version IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS events_key ON kontaktlog.events (key_hash)
  WHERE key_hash IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS events_stream ON kontaktlog.events (stream_id, stream_version)
  WHERE stream_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS kontaktlog.event_tags (
  tag text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (tag, position)
);
CREATE TABLE IF NOT EXISTS kontaktlog.checkpoints (
  size bigint PRIMARY KEY,
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  note text NOT NULL,
  recorded_at bigint NOT NULL
);
"""

# ENABLE ALWAYS: a session that calls itself a replica (session_replication_role) is guarded too.
_GUARDS: Final = """
CREATE OR REPLACE FUNCTION kontaktlog.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE OR REPLACE FUNCTION kontaktlog.refuse_disorder() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lowest bigint; highest bigint; number bigint;
BEGIN
  SELECT min(a.position), max(a.position), count(*) INTO lowest, highest, number FROM added a;
  IF number > 0 AND (
    highest - lowest + 1 <> number
    OR highest <> (SELECT e.position FROM kontaktlog.events e ORDER BY e.position DESC LIMIT 1)
    OR lowest > 1 AND NOT EXISTS (
      SELECT FROM kontaktlog.events e WHERE e.position = lowest - 1)
  ) THEN
    RAISE EXCEPTION 'events must follow the head without a gap'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kontaktlog.events
  FOR EACH STATEMENT EXECUTE FUNCTION kontaktlog.refuse_change();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kontaktlog.event_tags
  FOR EACH STATEMENT EXECUTE FUNCTION kontaktlog.refuse_change();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON kontaktlog.checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION kontaktlog.refuse_change();
CREATE OR REPLACE TRIGGER in_order AFTER INSERT ON kontaktlog.events
  REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION kontaktlog.refuse_disorder();
ALTER TABLE kontaktlog.events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE kontaktlog.events ENABLE ALWAYS TRIGGER in_order;
ALTER TABLE kontaktlog.event_tags ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE kontaktlog.checkpoints ENABLE ALWAYS TRIGGER append_only;
"""

# Starts from the rarest of an item's tags, counted only as far as telling them apart needs. Plain
# index scans only: a plan made for the average tag would read all of a common one.
_MATCH: Final = """
CREATE OR REPLACE FUNCTION kontaktlog.any_match(items jsonb, after_position bigint)
RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE item jsonb; wanted_types text[]; wanted_tags text[]; rarest text;
BEGIN
  FOR item IN SELECT jsonb_array_elements(items) LOOP
    SELECT coalesce(array_agg(v), '{}') INTO wanted_types
      FROM jsonb_array_elements_text(item -> 0) v;
    SELECT coalesce(array_agg(DISTINCT v), '{}') INTO wanted_tags
      FROM jsonb_array_elements_text(item -> 1) v;
    IF cardinality(wanted_tags) = 0 THEN
      IF EXISTS (
        SELECT FROM kontaktlog.events e WHERE e.position > after_position
          AND (cardinality(wanted_types) = 0 OR e.type = ANY (wanted_types))
      ) THEN RETURN true; END IF;
      CONTINUE;
    END IF;
    rarest := wanted_tags[1];
    IF cardinality(wanted_tags) > 1 THEN
      SELECT w.tag INTO rarest FROM unnest(wanted_tags) AS w(tag)
        ORDER BY (SELECT count(*) FROM (
          SELECT FROM kontaktlog.event_tags t
            WHERE t.tag = w.tag AND t.position > after_position LIMIT 100) few)
        LIMIT 1;
    END IF;
    IF EXISTS (
      SELECT FROM kontaktlog.event_tags t WHERE t.tag = rarest AND t.position > after_position
        AND (cardinality(wanted_tags) = 1 OR cardinality(wanted_tags) = (
          SELECT count(*) FROM kontaktlog.event_tags o
            WHERE o.position = t.position AND o.tag = ANY (wanted_tags)))
        AND (cardinality(wanted_types) = 0 OR (
          SELECT e.type FROM kontaktlog.events e WHERE e.position = t.position
        ) = ANY (wanted_types))
    ) THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;
"""

# One call is one transaction. Arrays named by what they hold; one element per request (sizes,
# tag_sizes, conditions, afters), per event, or per tag row (tag_names, tag_events: which event,
# from 1). An empty array stands for NULL everywhere.
# `clock`: ask = answer `clock` when the clock stepped back; step = the first request records the
# step, so take the clock as it is (answer `clock` when there is no step any more); hold = stay
# level with the last row.
# Answers: one row `all` when every request was stored, else one row per request: stored,
# duplicate, condition, stream, event_id, key; or one row `clock` (last row's time, clock's time).
_APPEND: Final = """
CREATE OR REPLACE FUNCTION kontaktlog.append_batch(
  sizes int[], tag_sizes int[], conditions text[], afters bigint[],
  event_ids bytea[], types text[], tags text[], metadatas bytea[], datas bytea[], bodies bytea[],
  stream_ids text[], stream_versions bigint[], key_hashes bytea[],
  tag_names text[], tag_events int[], clock text)
RETURNS TABLE (answer text, at_position bigint, number bigint, at_time bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  head bigint; start bigint; last_time bigint; stamp bigint; observed bigint; found_time bigint;
  event int := 0; tag int := 0; last_event int; last_tag int; which text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'appending needs read committed: other levels look before the lock is held'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock({lock});
  SELECT e.position, e.recorded_at INTO head, last_time
    FROM kontaktlog.events e ORDER BY e.position DESC LIMIT 1;
  head := coalesce(head, 0);
  observed := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
  stamp := greatest(observed, last_time);
  IF clock = 'ask' AND last_time - observed > {step}
     OR clock = 'step' AND coalesce(last_time - observed, 0) <= {step} THEN
    RETURN QUERY VALUES ('clock', last_time, 0::bigint, observed);
    RETURN;
  ELSIF clock = 'step' THEN
    stamp := observed;
  END IF;
  start := head;

  IF cardinality(conditions) = 0 THEN
    BEGIN
      INSERT INTO kontaktlog.events
        SELECT head + u.n, stamp, u.event_id, u.type, u.tags, u.metadata, u.data, u.stream_id,
          u.stream_version, u.key_hash,
          sha256('\\x00'::bytea || int8send(head + u.n) || int8send(stamp) || u.body)
        FROM unnest(event_ids, types, tags, metadatas, datas, bodies, stream_ids, stream_versions,
          key_hashes) WITH ORDINALITY AS u(event_id, type, tags, metadata, data, body, stream_id,
          stream_version, key_hash, n);
      INSERT INTO kontaktlog.event_tags
        SELECT u.tag, head + u.n FROM unnest(tag_names, tag_events) AS u(tag, n);
      PERFORM pg_notify('{channel}', (head + cardinality(event_ids))::text);
      RETURN QUERY VALUES ('all', head + 1, cardinality(event_ids)::bigint, stamp);
      RETURN;
    EXCEPTION WHEN unique_violation THEN
      NULL; -- somebody collides: go through them one by one
    END;
  END IF;

  FOR request IN 1 .. cardinality(sizes) LOOP
    last_event := event + sizes[request];
    last_tag := tag + tag_sizes[request];
    number := sizes[request];
    SELECT 'duplicate', e.position, e.recorded_at INTO answer, at_position, at_time
      FROM kontaktlog.events e WHERE e.event_id = event_ids[event + 1];
    IF NOT FOUND AND key_hashes[event + 1] IS NOT NULL THEN
      SELECT 'duplicate', e.position, e.recorded_at INTO answer, at_position, at_time
        FROM kontaktlog.events e WHERE e.key_hash = key_hashes[event + 1];
    END IF;
    IF FOUND THEN
      RETURN NEXT;
    ELSIF conditions[request] IS NOT NULL
        AND kontaktlog.any_match(conditions[request]::jsonb, afters[request]) THEN
      answer := 'condition';
      RETURN NEXT;
    ELSE
      BEGIN
        FOR i IN event + 1 .. last_event LOOP
          INSERT INTO kontaktlog.events VALUES (
            head + i - event, stamp, event_ids[i], types[i], tags[i], metadatas[i], datas[i],
            stream_ids[i], stream_versions[i], key_hashes[i],
            sha256('\\x00'::bytea || int8send(head + i - event) || int8send(stamp) || bodies[i]));
        END LOOP;
        INSERT INTO kontaktlog.event_tags
          SELECT tag_names[k], head + tag_events[k] - event
          FROM generate_series(tag + 1, last_tag) AS k;
        answer := 'stored'; at_position := head + 1; at_time := stamp;
        head := head + sizes[request];
      EXCEPTION WHEN unique_violation THEN
        GET STACKED DIAGNOSTICS which = CONSTRAINT_NAME;
        answer := CASE which WHEN 'events_stream' THEN 'stream' WHEN 'events_key' THEN 'key'
          ELSE 'event_id' END;
      END;
      RETURN NEXT;
    END IF;
    event := last_event;
    tag := last_tag;
  END LOOP;
  IF head > start THEN
    PERFORM pg_notify('{channel}', head::text);
  END IF;
END $$;
"""

_CHECKPOINT: Final = """
CREATE OR REPLACE FUNCTION kontaktlog.add_checkpoint(
  tree_size bigint, tree_root bytea, signed_note text, published_at bigint)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO kontaktlog.checkpoints VALUES (tree_size, tree_root, signed_note, published_at)
    ON CONFLICT DO NOTHING;
  RETURN EXISTS (
    SELECT FROM kontaktlog.checkpoints c WHERE c.size = tree_size AND c.root = tree_root);
END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA kontaktlog FROM PUBLIC;
"""

_STATE: Final = """
SELECT pg_has_role(current_user, n.nspowner, 'USAGE'), obj_description(n.oid, 'pg_namespace')
  FROM pg_catalog.pg_namespace n WHERE n.nspname = 'kontaktlog'
"""
_GRANTS: Final = """
GRANT USAGE ON SCHEMA kontaktlog TO {role};
GRANT SELECT ON kontaktlog.events, kontaktlog.event_tags, kontaktlog.checkpoints TO {role};
GRANT EXECUTE ON FUNCTION kontaktlog.append_batch, kontaktlog.add_checkpoint TO {role};
"""


def functions() -> tuple[str, ...]:
    """Return the SQL that makes the functions and guards, as released."""
    append = _APPEND.format(lock=APPEND_LOCK, step=CLOCK_STEP_MICROSECONDS, channel=CHANNEL)
    return _GUARDS, _MATCH, append, _CHECKPOINT


def create_schema(owner_conninfo: str, app_role: str | None = None) -> None:
    """Create what is missing and renew the functions; the role that runs it owns the log.

    On an up-to-date schema it only grants; run by another role than the owner of an existing log
    it does nothing. `app_role` (which must exist) gets the right to read and to append, no other.
    Raises Unavailable: `setting_unsafe` when the database does not store text as UTF-8, else
    `store_unavailable`.
    """
    parts = (_TABLES, *functions())
    mark = hashlib.sha256("".join(parts).encode()).hexdigest()
    try:
        with psycopg.connect(owner_conninfo) as connection, connection.cursor() as cursor:
            # Two first starts at once: CREATE … IF NOT EXISTS alone lets the second one fail.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
            owned, found = cursor.execute(_STATE).fetchone() or (True, None)
            if not owned:
                return
            if found != mark:
                cursor.execute("SET LOCAL client_min_messages = warning")
                for part in parts:
                    cursor.execute(part.encode())
                cursor.execute(f"COMMENT ON SCHEMA kontaktlog IS '{mark}'".encode())
            if app_role is not None:
                cursor.execute(sql.SQL(_GRANTS).format(role=sql.Identifier(app_role)))
            if cursor.execute("SHOW server_encoding").fetchone() != ("UTF8",):
                raise Unavailable("setting_unsafe", setting="server_encoding")
    except psycopg.Error as error:
        raise Unavailable("store_unavailable", reason=error.sqlstate or "connection") from error
