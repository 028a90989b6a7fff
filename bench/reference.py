"""A real Frappe site on a MariaDB and a Redis of its own, made from its dump, for measures."""

import contextlib
import gzip
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from baken.sites.bench import read_site
from baken.sites.site import SiteConfig
from tests.conftest import reference_folder
from tests.servers import MariaDB, RedisServer, program, running


class NoReferenceError(Exception):
    """There is no reference site on this machine."""


@contextlib.contextmanager
def reference_site() -> Iterator[SiteConfig]:
    """The reference site, running. Raises NoReferenceError, ServerMissingError, ServerFailedError."""
    source = reference_folder()
    if not (source / "site.sql.gz").is_file():
        raise NoReferenceError("no dump of a real site here; BAKEN_REFERENCE names its folder")
    with running(MariaDB) as mariadb, running(RedisServer) as redis, tempfile.TemporaryDirectory() as folder:
        bench = Path(folder) / "frappe-bench"
        shutil.copytree(source / "bench", bench)
        common_file = bench / "sites" / "common_site_config.json"
        common = json.loads(common_file.read_text())
        common |= {"db_host": "127.0.0.1", "db_port": mariadb.port}
        common |= {key: redis.url for key in common if key.startswith("redis_")}
        common_file.write_text(json.dumps(common))
        name = common["default_site"]
        own = json.loads((bench / "sites" / name / "site_config.json").read_text())
        database = own["db_name"]
        mariadb.create_database(database)
        with gzip.open(source / "site.sql.gz") as packed:
            subprocess.run(
                [
                    *(program("mariadb", "mysql"), "--no-defaults", f"--socket={mariadb.socket}"),
                    *(f"--user={mariadb.user}", f"--password={mariadb.password}"),
                    *("--default-character-set=utf8mb4", database),
                ],
                input=packed.read(),
                capture_output=True,
                check=True,
            )
        mariadb.execute(f"CREATE OR REPLACE USER '{database}'@'%' IDENTIFIED BY '{own['db_password']}'")
        mariadb.execute(f"GRANT ALL PRIVILEGES ON `{database}`.* TO '{database}'@'%'")
        yield read_site(bench, name)
