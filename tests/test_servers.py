"""The test servers themselves: they start, they go away, they come back."""

import contextlib

import pymysql
import pytest
import redis

from tests.conftest import FrappeSite
from tests.servers import MariaDB, Postgres, RedisServer


def test_mariadb_comes_back_with_its_data(mariadb: MariaDB) -> None:
    mariadb.create_database("coming_back")
    mariadb.execute("CREATE TABLE t (n INT)", database="coming_back")
    mariadb.execute("INSERT INTO t VALUES (7)", database="coming_back")
    mariadb.stop()
    with pytest.raises(pymysql.OperationalError):
        mariadb.connect()
    mariadb.start()
    assert mariadb.execute("SELECT n FROM t", database="coming_back") == [(7,)]


def test_postgres_comes_back_with_its_data(postgres: Postgres) -> None:
    postgres.create_database("coming_back")
    postgres.execute("CREATE TABLE t (n INT)", database="coming_back")
    postgres.execute("INSERT INTO t VALUES (7)", database="coming_back")
    postgres.stop()
    postgres.start()
    assert postgres.execute("SELECT n FROM t", database="coming_back") == [(7,)]


def test_redis_comes_back_empty(redis_server: RedisServer) -> None:
    with contextlib.closing(redis_server.client()) as client:
        client.set("here", "1")
    redis_server.stop()
    with contextlib.closing(redis_server.client()) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    redis_server.start()
    with contextlib.closing(redis_server.client()) as client:
        assert client.get("here") is None


def test_the_reference_site_answers_to_its_own_user(frappe_site: FrappeSite) -> None:
    config = frappe_site.config
    connection = pymysql.connect(
        host="127.0.0.1",
        port=frappe_site.mariadb.port,
        user=config["db_name"],
        password=config["db_password"],
        database=config["db_name"],
    )
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM `tabMember`")
        assert cursor.fetchone() == (501,)
    assert set(frappe_site.api_keys) >= {"Administrator", "els.devries@vereniging.example"}
