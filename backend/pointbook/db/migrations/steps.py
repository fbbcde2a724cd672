"""Steps that revisions share: tenant policies, grants, scripts of several statements."""

from collections.abc import Iterable

from alembic import op
from sqlalchemy.util import await_only

APP_ROLE = "pointbook_app"
_OWN_PROGRAMME = "programme_id = nullif(current_setting('app.programme', true), '')::int"


def execute_script(script: str) -> None:
    """Run a script of any number of SQL statements as it stands (no bind parameters)."""
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None, "a migration runs online"
    await_only(driver_connection.execute(script))


def create_app_role() -> None:
    """The group role of the application. Another database of the same server may have made it already."""
    execute_script(
        f"""
        do $$ begin
            if not exists (select from pg_roles where rolname = '{APP_ROLE}') then
                create role {APP_ROLE} nologin;
            end if;
        exception when duplicate_object or unique_violation then
            null;  -- another database's migration was faster
        end $$
        """
    )


def isolate_tenants(tables: Iterable[str]) -> None:
    """Rows of one programme only, for the tables' owner too; without ``app.programme`` there are none."""
    for table in tables:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy tenant on {table} using ({_OWN_PROGRAMME})")


def grant_to_app(privileges: str, tables: Iterable[str]) -> None:
    for table in tables:
        op.execute(f"grant {privileges} on {table} to {APP_ROLE}")
