"""A private Zabbix: its database, its server, and its frontend for the API.

The database is filled once (some seconds) with Zabbix' own schema and what every installation begins with, without the
templates that it brings: these are most of it, and nothing here needs them. The server looks for changes of the
configuration every second, so that what the API changed is known soon.
"""

import contextlib
import gzip
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.servers import MariaDB, Process, ServerFailedError, ServerMissingError, free_port, program

FRONTEND = Path("/usr/share/zabbix")
SCHEMA = Path("/usr/share/zabbix-server-mysql")
DATABASE = "zabbix"

# Rows of these make up the templates that Zabbix brings.
_OF_TEMPLATES = [
    "dashboard",
    "dashboard_page",
    "dashboard_usrgrp",
    "functions",
    "graphs",
    "graphs_items",
    "group_prototype",
    "host_discovery",
    "host_tag",
    "hostmacro",
    "hosts",
    "hosts_groups",
    "hosts_templates",
    "interface",
    "item_condition",
    "item_discovery",
    "item_parameter",
    "item_preproc",
    "item_rtdata",
    "item_tag",
    "items",
    "lld_macro_path",
    "lld_override",
    "lld_override_condition",
    "lld_override_opdiscover",
    "lld_override_operation",
    "lld_override_opstatus",
    "lld_override_optemplate",
    "media_type_message",
    "media_type_param",
    "sysmap_shape",
    "sysmaps",
    "sysmaps_elements",
    "trigger_depends",
    "trigger_tag",
    "triggers",
    "valuemap",
    "valuemap_mapping",
    "widget",
    "widget_field",
]
_INSERT = re.compile(rb"INSERT INTO `(\w+)`")


class ZabbixRefusedError(Exception):
    """The API answered with an error; the text is what it said."""


class Zabbix:
    """A Zabbix server over a MariaDB of the tests. `call` is its JSON-RPC API as administrator."""

    def __init__(self, folder: Path, mariadb: MariaDB) -> None:
        server = program("zabbix_server")
        php = program("php")
        if not (FRONTEND / "api_jsonrpc.php").is_file() or not (SCHEMA / "schema.sql.gz").is_file():
            raise ServerMissingError("zabbix-frontend-php and zabbix-server-mysql are not installed")
        self.folder = folder
        self._mariadb = mariadb
        self.port = _low_port()
        self.web = free_port()
        self._token: str | None = None
        _fill(mariadb)
        _write_frontend(folder / "web", mariadb)
        file = folder / "zabbix_server.conf"
        file.write_text(_configuration(folder, mariadb, self.port))
        self.process = Process("Zabbix", folder, [server, "-f", "-c", str(file)], self._trapper_answers)
        sub = folder / "php"
        sub.mkdir()
        quiet = ("-d", "memory_limit=512M", "-d", "max_execution_time=300", "-d", "display_errors=0")
        self.frontend = Process(
            "Zabbix' frontend",
            sub,
            [php, *quiet, "-S", f"127.0.0.1:{self.web}", "-t", str(folder / "web")],
            self._api_answers,
        )

    def start(self) -> None:
        """Start frontend and server."""
        self.frontend.start()
        self.process.start()

    def stop(self) -> None:
        """Stop both, and drop the database."""
        self.process.stop()
        self.frontend.stop()
        self._mariadb.execute(f"DROP DATABASE IF EXISTS `{DATABASE}`")

    def call(self, method: str, params: Any) -> Any:
        """Call the API as Admin; raises ZabbixRefusedError with what it says."""
        if self._token is None:
            self._token = str(self._asked("user.login", {"username": "Admin", "password": "zabbix"}, None))
        return self._asked(method, params, self._token)

    def _asked(self, method: str, params: Any, token: str | None) -> Any:
        body = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1, **({"auth": token} if token else {})}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web}/api_jsonrpc.php",
            json.dumps(body).encode(),
            {"Content-Type": "application/json-rpc"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=300) as answer:
            found = json.loads(answer.read())
        if "error" in found:
            raise ZabbixRefusedError(f"{method}: {found['error']['message']} {found['error']['data']}")
        return found["result"]

    def import_(self, text: str) -> None:
        """Import a YAML export, as the frontend does: new things are made, those that are there are changed."""
        both = {"createMissing": True, "updateExisting": True}
        rules = {
            "groups": both,
            "templates": both,
            "valueMaps": both,
            "templateDashboards": {**both, "deleteMissing": True},
            "templateLinkage": {"createMissing": True},
            "items": {**both, "deleteMissing": True},
            "discoveryRules": {**both, "deleteMissing": True},
            "triggers": {**both, "deleteMissing": True},
            "graphs": {**both, "deleteMissing": True},
            "mediaTypes": both,
        }
        assert self.call("configuration.import", {"format": "yaml", "rules": rules, "source": text}) is True

    def last(self, host: str, key: str) -> str | None:
        """The last value of an item; None when there is no such item or it has none."""
        found = self.call("item.get", {"host": host, "filter": {"key_": key}, "output": ["lastvalue", "lastclock"]})
        return str(found[0]["lastvalue"]) if found and found[0]["lastclock"] != "0" else None

    def problems(self) -> set[str]:
        """Names of the problems that there are now."""
        return {each["name"] for each in self.call("problem.get", {"output": ["name"]})}

    def until(self, what: Callable[[], Any], said: str, seconds: float = 60) -> Any:
        """Ask again and again until there is something; what there is."""
        ends = time.monotonic() + seconds
        while True:
            found = what()
            if found:
                return found
            if time.monotonic() > ends:
                log = self.process.log.read_text(errors="replace")[-1500:]
                raise AssertionError(f"waited {seconds} s in vain for {said}\n{log}")
            time.sleep(0.3)

    def _trapper_answers(self) -> None:
        from zabbix_utils import ItemValue, Sender

        try:
            Sender("127.0.0.1", self.port, timeout=5).send([ItemValue("nobody", "nothing", "1")])
        except Exception as problem:
            raise OSError(str(problem)) from problem

    def _api_answers(self) -> None:
        try:
            self._asked("apiinfo.version", [], None)
        except ValueError as problem:
            raise OSError(f"the frontend gives no JSON: {problem}") from problem


def _low_port() -> int:
    """A free port that Zabbix is content with: from 1024 to 32767."""
    while True:
        port = random.randint(20000, 32767)
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port


def _fill(mariadb: MariaDB) -> None:
    mariadb.execute(f"DROP DATABASE IF EXISTS `{DATABASE}`")
    mariadb.execute(f"CREATE DATABASE `{DATABASE}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    client = program("mariadb", "mysql")
    data = gzip.decompress((SCHEMA / "data.sql.gz").read_bytes())
    skipped = {name.encode() for name in _OF_TEMPLATES}
    kept, dropping = [], False
    for line in data.split(b"\n"):
        begins = _INSERT.match(line)
        if begins:
            dropping = begins[1] in skipped
        elif line.startswith((b"START", b"COMMIT", b"DELETE", b"UPDATE", b"ALTER", b"SET")):
            dropping = False
        if not dropping:
            kept.append(line)
    for part in (gzip.decompress((SCHEMA / "schema.sql.gz").read_bytes()), b"\n".join(kept)):
        filled = subprocess.run(
            [
                client,
                "--no-defaults",
                f"--socket={mariadb.socket}",
                f"--user={mariadb.user}",
                f"--password={mariadb.password}",
                "--default-character-set=utf8mb4",
                "--init-command=SET foreign_key_checks=0",
                DATABASE,
            ],
            input=part,
            capture_output=True,
            check=False,
        )
        if filled.returncode:
            raise ServerFailedError(f"Zabbix' schema cannot be loaded: {filled.stderr.decode()[-1000:]}")


def _write_frontend(web: Path, mariadb: MariaDB) -> None:
    # The frontend looks for its configuration beside its own files.
    shutil.copytree(FRONTEND, web, ignore=shutil.ignore_patterns("locale", "audio", "fonts", "zabbix.conf.php"))
    # Debian's looks into /etc instead.
    file = web / "include" / "classes" / "core" / "CConfigFile.php"
    own = f"const CONFIG_FILE_PATH = '{web}/conf/zabbix.conf.php';"
    file.write_text(re.sub(r"const CONFIG_FILE_PATH = '[^']*';", own, file.read_text()))
    (web / "conf" / "zabbix.conf.php").write_text(
        f"""<?php
$DB['TYPE'] = 'MYSQL'; $DB['SERVER'] = '127.0.0.1'; $DB['PORT'] = '{mariadb.port}';
$DB['DATABASE'] = '{DATABASE}'; $DB['USER'] = '{mariadb.user}'; $DB['PASSWORD'] = '{mariadb.password}';
$DB['SCHEMA'] = ''; $DB['ENCRYPTION'] = false; $DB['KEY_FILE'] = ''; $DB['CERT_FILE'] = ''; $DB['CA_FILE'] = '';
$DB['VERIFY_HOST'] = false; $DB['CIPHER_LIST'] = ''; $DB['VAULT_URL'] = ''; $DB['VAULT_DB_PATH'] = '';
$DB['VAULT_TOKEN'] = ''; $DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER_NAME = ''; $IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"""
    )


def _configuration(folder: Path, mariadb: MariaDB, port: int) -> str:
    settings = {
        "ListenPort": port,
        "ListenIP": "127.0.0.1",
        "LogType": "console",
        "PidFile": folder / "zabbix.pid",
        "SocketDir": folder,
        "DBHost": "127.0.0.1",
        "DBPort": mariadb.port,
        "DBName": DATABASE,
        "DBUser": mariadb.user,
        "DBPassword": mariadb.password,
        "AllowUnsupportedDBVersions": 1,
        "AllowRoot": 1 if os.geteuid() == 0 else 0,
        "CacheUpdateFrequency": 1,
        "StartPollers": 1,
        "StartPollersUnreachable": 1,
        "StartPreprocessors": 1,
        "StartTrappers": 3,
        "StartPingers": 0,
        "StartDiscoverers": 0,
        "StartHTTPPollers": 0,
        "StartTimers": 1,
        "StartEscalators": 1,
        "StartAlerters": 1,
        "StartLLDProcessors": 2,
        "StartDBSyncers": 1,
        "StartHistoryPollers": 0,
        "CacheSize": "32M",
        "StatsAllowedIP": "127.0.0.1",
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
