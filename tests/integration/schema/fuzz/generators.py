"""Who makes drafts for which kind of source."""

from __future__ import annotations

import functools

from tests.integration.schema.fuzz.draft import Generator
from tests.integration.schema.fuzz.mysql import schemas as mysql
from tests.integration.schema.fuzz.postgres import schemas as postgres

GENERATORS: dict[str, Generator] = {
    "mysql": functools.partial(mysql.draft, mariadb=False),
    "mariadb": functools.partial(mysql.draft, mariadb=True),
    "postgres18": postgres.draft,
}
