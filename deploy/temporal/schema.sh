#!/bin/sh
# Creates Temporal's two databases where they are missing, and brings their tables to this server's version. Safe to repeat.
set -eu

for part in temporal visibility; do
  database=temporal
  [ "$part" = visibility ] && database=temporal_visibility
  temporal-sql-tool --database "$database" create-database
  temporal-sql-tool --database "$database" setup-schema --version 0.0
  temporal-sql-tool --database "$database" update-schema \
    --schema-dir "/etc/temporal/schema/postgresql/v12/$part/versioned"
done
