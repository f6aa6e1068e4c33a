#!/usr/bin/env bash
# A role and a database of its own for every service, which no other service may enter. Run once, on an empty volume.
set -euo pipefail

# psql reads each password itself, so that no list of processes shows it, and the server logs no statement of this.
for password in /run/secrets/recobro/*; do
  role=${password##*/}
  # The job `secrets` makes a password for each service, and one for the superuser; what it left unfinished is no role's.
  case $role in superuser | *.new) continue ;; esac
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres --set role="$role" << 'SQL'
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\set password `cat /run/secrets/recobro/:role`
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role";
REVOKE CONNECT, TEMPORARY ON DATABASE :"role" FROM PUBLIC;
SQL
done
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
  --command 'REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC'
