"""How many jobs are in which state, and the words in them: kept by triggers, so that what others write counts too.

``job_counts`` is summed. SQLite has one writer at a time and keeps one row for each (status, job_type, priority).
PostgreSQL adds rows of +1 and -1, which never wait for each other (two transactions that changed the same two rows in
opposite order would deadlock); the reaper folds them.

``job_search`` holds the words of the job type, the key, the texts in the payload (but not the result) and the error.
SQLite: FTS5 without a copy of the texts (nor FTS5's own reading of them: it may not use json_tree). PostgreSQL: a
tsvector made of the same words, without a dictionary.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RESULT = ("video_url", "thumbnail_url", "duration")
BREAK = "\ue000"
"""A word that nobody writes, between values: a phrase does not reach from one into the next."""
LONGEST = 100_000
"""Characters of a job that are searched."""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "job_counts",
        sa.Column("status", sa.Text, primary_key=sqlite, nullable=False),
        sa.Column("job_type", sa.Text, primary_key=sqlite, nullable=False),
        sa.Column("priority", sa.Text, primary_key=sqlite, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO job_counts (status, job_type, priority, n) "
        "SELECT status, job_type, priority, count(*) FROM jobs GROUP BY status, job_type, priority"
    )
    for statement in SQLITE if sqlite else postgresql(op.get_bind().execute(sa.text("SELECT current_schema()")).scalar()):
        op.get_bind().exec_driver_sql(statement)


# SQLite

ADD = """INSERT INTO job_counts (status, job_type, priority, n) VALUES (new.status, new.job_type, new.priority, 1)
        ON CONFLICT (status, job_type, priority) DO UPDATE SET n = n + 1"""
TAKE = """UPDATE job_counts SET n = n - 1
        WHERE status = old.status AND job_type = old.job_type AND priority = old.priority"""
PATHS = ", ".join(f"'$.{name}'" for name in RESULT)
INDEX = """INSERT INTO job_search (rowid, job_type, key, payload, error)
        SELECT seq, job_type, key, payload, error FROM job_search_source WHERE seq = new.seq"""
FORGET = """INSERT INTO job_search (job_search, rowid, job_type, key, payload, error)
        SELECT 'delete', seq, job_type, key, payload, error FROM job_search_source WHERE seq = old.seq"""
OTHER_WORDS = f"""old.error_message IS NOT new.error_message OR old.job_type IS NOT new.job_type
        OR old.idempotency_key IS NOT new.idempotency_key
        OR json_remove(old.payload, {PATHS}) IS NOT json_remove(new.payload, {PATHS})"""
SEARCHED = "payload, error_message, job_type, idempotency_key"
SQLITE = (
    f"CREATE TRIGGER jobs_counted_insert AFTER INSERT ON jobs BEGIN {ADD}; END",
    f"CREATE TRIGGER jobs_counted_delete AFTER DELETE ON jobs BEGIN {TAKE}; END",
    f"""CREATE TRIGGER jobs_counted_update AFTER UPDATE OF status, job_type, priority ON jobs
        WHEN old.status <> new.status OR old.job_type <> new.job_type OR old.priority <> new.priority
        BEGIN {TAKE}; {ADD}; END""",
    f"""CREATE VIEW job_search_source AS SELECT seq, job_type, coalesce(idempotency_key, '') AS key,
        substr(coalesce((SELECT group_concat(atom, ' {BREAK} ') FROM json_tree(json_remove(jobs.payload, {PATHS}))
            WHERE type = 'text'), ''), 1, {LONGEST}) AS payload,
        substr(coalesce(CASE WHEN json_valid(error_message) THEN
            CASE WHEN json_type(error_message) = 'object'
                THEN coalesce(nullif(json_extract(error_message, '$.message'), ''), error_message)
                ELSE error_message END
            ELSE error_message END, ''), 1, {LONGEST}) AS error
        FROM jobs""",
    """CREATE VIRTUAL TABLE job_search USING fts5(job_type, key, payload, error,
        content='', tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* Co'")""",
    """INSERT INTO job_search (rowid, job_type, key, payload, error)
        SELECT seq, job_type, key, payload, error FROM job_search_source""",
    f"CREATE TRIGGER jobs_search_insert AFTER INSERT ON jobs BEGIN {INDEX}; END",
    # Before: the view must still show the words that are taken out.
    f"CREATE TRIGGER jobs_search_delete BEFORE DELETE ON jobs BEGIN {FORGET}; END",
    f"CREATE TRIGGER jobs_search_out BEFORE UPDATE OF {SEARCHED} ON jobs WHEN {OTHER_WORDS} BEGIN {FORGET}; END",
    f"CREATE TRIGGER jobs_search_in AFTER UPDATE OF {SEARCHED} ON jobs WHEN {OTHER_WORDS} BEGIN {INDEX}; END",
)

# PostgreSQL

MARKS = r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf" + (
    r"\u00d7\u00f7\u0964\u0965\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2bff\u3000-\u3004\u3008-\u3020]+"
)
"""What stands between words: ASCII that is neither letter nor digit, and the common marks of other blocks."""


def postgresql(schema: str) -> tuple[str, ...]:
    """Triggers run with their owner's rights: whoever may insert a job need not have rights on these tables."""
    at = '"' + schema.replace('"', '""').replace("%", "%%") + '"'
    trigger = f"RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = {at}, pg_temp"
    result = "'{" + ",".join(RESULT) + "}'::text[]"
    return (
        "ALTER TABLE job_counts SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)",
        f"""CREATE FUNCTION {at}.predawn_count_insert() {trigger} AS $$ BEGIN
            INSERT INTO job_counts SELECT status, job_type, priority, count(*) FROM fresh GROUP BY 1, 2, 3;
            RETURN NULL; END $$""",
        f"""CREATE FUNCTION {at}.predawn_count_delete() {trigger} AS $$ BEGIN
            INSERT INTO job_counts SELECT status, job_type, priority, -count(*) FROM gone GROUP BY 1, 2, 3;
            DELETE FROM job_search USING gone WHERE job_search.seq = gone.seq;
            RETURN NULL; END $$""",
        f"""CREATE FUNCTION {at}.predawn_count_update() {trigger} AS $$ BEGIN
            INSERT INTO job_counts VALUES (OLD.status, OLD.job_type, OLD.priority, -1),
                (NEW.status, NEW.job_type, NEW.priority, 1);
            RETURN NULL; END $$""",
        f"""CREATE FUNCTION {at}.predawn_truncate() {trigger} AS $$ BEGIN
            DELETE FROM job_counts; DELETE FROM job_search; RETURN NULL; END $$""",
        f"""CREATE FUNCTION {at}.predawn_json(source text) RETURNS jsonb
            LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
            BEGIN RETURN source::jsonb; EXCEPTION WHEN others THEN RETURN NULL; END $$""",
        f"""CREATE FUNCTION {at}.predawn_error(source text, field text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT CASE WHEN jsonb_typeof(found) = 'object' THEN nullif(found ->> field, '') END
            FROM (SELECT CASE WHEN source LIKE '{{%%' THEN {at}.predawn_json(source) END AS found) AS parsed $$""",
        f"""CREATE FUNCTION {at}.predawn_words(document text) RETURNS tsvector
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT coalesce(string_agg('''' || word || ''':' || least(place, 16383), ' '), '')::tsvector
            FROM regexp_split_to_table(
                lower(regexp_replace(left(document, {LONGEST}), '{MARKS}', ' ', 'g')), ' '
            ) WITH ORDINALITY AS split(word, place)
            WHERE word <> '' AND word <> '{BREAK}' AND length(word) <= 400 $$""",
        f"""CREATE FUNCTION {at}.predawn_document(job_type text, key text, payload jsonb, error text) RETURNS text
            LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT concat_ws(' {BREAK} ', job_type, key,
                coalesce({at}.predawn_error(error, 'message'), error),
                (SELECT string_agg(leaf #>> '{{}}', ' {BREAK} ')
                    FROM jsonb_path_query(payload - {result}, 'strict $.**') AS leaf
                    WHERE jsonb_typeof(leaf) = 'string')) $$""",
        f"""CREATE FUNCTION {at}.predawn_search() {trigger} AS $$ BEGIN
            INSERT INTO job_search VALUES (NEW.seq, {at}.predawn_words({at}.predawn_document(
                NEW.job_type, NEW.idempotency_key, NEW.payload, NEW.error_message)))
            ON CONFLICT (seq) DO UPDATE SET words = excluded.words;
            RETURN NULL; END $$""",
        "CREATE TABLE job_search (seq bigint PRIMARY KEY, words tsvector NOT NULL)",
        f"""INSERT INTO job_search SELECT seq, {at}.predawn_words({at}.predawn_document(
            job_type, idempotency_key, payload, error_message)) FROM jobs""",
        "CREATE INDEX job_search_words ON job_search USING gin (words)",
        f"""CREATE TRIGGER jobs_counted_insert AFTER INSERT ON jobs REFERENCING NEW TABLE AS fresh
            FOR EACH STATEMENT EXECUTE FUNCTION {at}.predawn_count_insert()""",
        f"""CREATE TRIGGER jobs_counted_delete AFTER DELETE ON jobs REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION {at}.predawn_count_delete()""",
        f"""CREATE TRIGGER jobs_counted_update AFTER UPDATE OF status, job_type, priority ON jobs FOR EACH ROW
            WHEN ((OLD.status, OLD.job_type, OLD.priority) IS DISTINCT FROM (NEW.status, NEW.job_type, NEW.priority))
            EXECUTE FUNCTION {at}.predawn_count_update()""",
        f"""CREATE TRIGGER jobs_counted_truncate AFTER TRUNCATE ON jobs
            FOR EACH STATEMENT EXECUTE FUNCTION {at}.predawn_truncate()""",
        f"""CREATE TRIGGER jobs_search_insert AFTER INSERT ON jobs
            FOR EACH ROW EXECUTE FUNCTION {at}.predawn_search()""",
        f"""CREATE TRIGGER jobs_search_update AFTER UPDATE OF {SEARCHED} ON jobs FOR EACH ROW
            WHEN (OLD.error_message IS DISTINCT FROM NEW.error_message OR OLD.job_type IS DISTINCT FROM NEW.job_type
                OR OLD.idempotency_key IS DISTINCT FROM NEW.idempotency_key
                OR OLD.payload - {result} IS DISTINCT FROM NEW.payload - {result})
            EXECUTE FUNCTION {at}.predawn_search()""",
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for trigger in (
            "jobs_counted_insert", "jobs_counted_delete", "jobs_counted_update",
            "jobs_search_insert", "jobs_search_delete", "jobs_search_out", "jobs_search_in",
        ):
            op.execute(f"DROP TRIGGER {trigger}")
        op.execute("DROP TABLE job_search")
        op.execute("DROP VIEW job_search_source")
    else:
        for function in (
            "predawn_count_insert()", "predawn_count_delete()", "predawn_count_update()", "predawn_truncate()",
            "predawn_search()", "predawn_document(text, text, jsonb, text)", "predawn_words(text)",
            "predawn_error(text, text)", "predawn_json(text)",
        ):
            op.execute(f"DROP FUNCTION {function} CASCADE")
        op.drop_table("job_search")
    op.drop_table("job_counts")
