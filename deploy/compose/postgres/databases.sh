#!/usr/bin/env bash
# Creates a role and a database for every service, which no other service may enter. Runs once, on an empty volume.
set -euo pipefail

# Agencies' requests run as this role. A service may become it, but does not inherit it: the policies for agencies would
# apply to the service's own work.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
  --command 'CREATE ROLE recobro_agency NOLOGIN'
# psql reads each password from its file, so that no process list shows it. The server logs none of these statements.
for password in /run/secrets/recobro/*; do
  role=${password##*/}
  # The folder also holds the superuser's password, and *.new files that the job `secrets` did not finish.
  case $role in superuser | *.new) continue ;; esac
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres --set role="$role" << 'SQL'
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\set password `cat /run/secrets/recobro/:role`
CREATE ROLE :"role" LOGIN PASSWORD :'password';
GRANT recobro_agency TO :"role" WITH INHERIT FALSE;
CREATE DATABASE :"role" OWNER :"role";
REVOKE CONNECT, TEMPORARY ON DATABASE :"role" FROM PUBLIC;
SQL
done
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
  --command 'REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC'
