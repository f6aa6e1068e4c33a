#!/usr/bin/env bash
# Creates what is missing of each service's database: the role that owns it, and the role that the service works as,
# which owns nothing. No other service may enter it. Runs at every start, so that older volumes get newer roles too.
#
# databases.sh FOLDER: the folder holds the superuser's password and those of all roles, each in a file of its role's name.
set -euo pipefail

PGPASSWORD=$(cat "$1/superuser")
export PGPASSWORD
psql=(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres)

"${psql[@]}" << 'SQL'
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
SELECT 'CREATE ROLE recobro_agency NOLOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recobro_agency') \gexec
SQL

for file in "$1"/*_service; do
  service=${file##*/}
  # psql reads each password from its file, so that no process list shows it. The server logs none of these statements.
  "${psql[@]}" --set folder="$1" --set service="$service" --set owner="${service%_service}" << 'SQL'
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\set owner_password `cat :'folder'/:'owner'`
\set service_password `cat :'folder'/:'service'`
SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY[:'owner', :'service']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE :"owner" LOGIN PASSWORD :'owner_password';
ALTER ROLE :"service" LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'service_password';
-- Policies for the agencies' role apply to whoever inherits it.
GRANT recobro_agency TO :"service" WITH INHERIT FALSE, SET TRUE;
SELECT format('CREATE DATABASE %1$I OWNER %1$I', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'owner') \gexec
REVOKE CONNECT, TEMPORARY ON DATABASE :"owner" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"owner" TO :"service";
SQL
done
