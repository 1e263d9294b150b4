"""Under Supabase: whoever has the key of every web page gets nowhere near what is predawn's alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from scheduler.store.engine import open_engine
from scheduler.store.migrations import migrate

SHARED = {"jobs", "job_queue_config", "render_logs", "render_failures"}
RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
SCHEMA = "as_on_supabase"


@pytest.fixture
def supabase_url(postgresql_url: str) -> sa.URL:
    """A schema of its own in which new tables are open to the web roles, as Supabase has it."""
    engine = open_engine(postgresql_url)
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        run(f"CREATE SCHEMA {SCHEMA}")
        for role in ("anon", "authenticated"):
            run(
                f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
                f"THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"
            )
            run(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} GRANT ALL ON TABLES TO {role}")
    engine.dispose()
    return sa.make_url(postgresql_url).update_query_dict({"options": f"-csearch_path={SCHEMA}"})


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_web_roles_reach_only_the_tables_of_the_contract(supabase_url: sa.URL, role: str) -> None:
    engine = open_engine(supabase_url.render_as_string(hide_password=False))
    try:
        migrate(engine)
        tables = sa.inspect(engine).get_table_names(schema=SCHEMA)
        with engine.connect() as connection:
            may = sa.text("SELECT has_table_privilege(:role, :name, :right)")
            open_to_all = {
                table
                for table in tables
                for right in RIGHTS
                if connection.execute(may, {"role": role, "name": f"{SCHEMA}.{table}", "right": right}).scalar()
            }
    finally:
        engine.dispose()
    assert {"api_tokens", "audit", "predawn_schema"} <= set(tables)
    assert open_to_all == SHARED, "and every new table of ours belongs into the migration's list"
