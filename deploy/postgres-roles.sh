#!/bin/bash
# Run once by the postgres image, on an empty data directory: the roles of Pointbook and its database.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --username=postgres --quiet \
    --set=owner_password="$(cat /run/secrets/owner_password)" \
    --set=app_password="$(cat /run/secrets/app_password)" <<'SQL'
create role pointbook_owner login password :'owner_password';
create role pointbook_app nologin;
create role pointbook login password :'app_password' in role pointbook_app;
create database pointbook owner pointbook_owner;
SQL
