"""Dashboards in the store: who sees and changes them, two people at once, deleting and bringing back, the trail."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baken.history import audit, dashboards
from baken.history.dashboard_body import COLUMNS, MOST_BYTES, MOST_PANELS, BadBody, Body, dump, parse
from baken.history.dashboards import Dashboard, Missing, Overtaken, Refused
from baken.history.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SITE, OTHER = "leden.example", "ander.example"
ELS, PIET = "els@vereniging.example", "piet@vereniging.example"


def text_panel(**more: Any) -> dict[str, Any]:
    return {"id": "a", "kind": "text", "x": 0, "y": 0, "w": 3, "h": 2, "text": "Hallo", **more}


def chart(**more: Any) -> dict[str, Any]:
    shown = {"metric": "frappe_sessions", "labels": {"kind": ["web", "api"]}, "title": "Sessions"}
    return {"id": "c", "kind": "chart", "x": 3, "y": 0, "w": 9, "h": 4, "metrics": [shown], **more}


def text_of(*panels: Any, **more: Any) -> str:
    return json.dumps({"format": "baken-dashboard", "version": 1, "panels": list(panels), **more})


BODY = parse(text_of(text_panel(), chart()))
EMPTY = parse(text_of())


def make(store: Store, user: str = ELS, site: str = SITE, *, shared: bool = False, locked: bool = False) -> Dashboard:
    with store.write() as conn:
        return dashboards.create(
            conn, site=site, user=user, title="Kas", body=BODY, shared=shared, locked=locked, now=NOW
        )


def save(store: Store, one: Dashboard, user: str = ELS, body: Body = EMPTY, **more: Any) -> Dashboard:
    args: dict[str, Any] = {"version": one.version, "title": one.title, "shared": None, "locked": None, "now": NOW}
    with store.write() as conn:
        return dashboards.save(conn, site=one.site, user=user, id=one.id, body=body, **(args | more))


def remove(store: Store, one: Dashboard, user: str = ELS, now: datetime = NOW) -> Dashboard:
    with store.write() as conn:
        return dashboards.remove(conn, site=one.site, user=user, id=one.id, version=one.version, now=now)


def seen(store: Store, user: str, site: str = SITE) -> list[str]:
    with store.read() as conn:
        return [one.id for one in dashboards.of_site(conn, site, user)]


def trail(store: Store) -> list[tuple[str, str]]:
    with store.read() as conn:
        return [(each.action, each.user) for each in reversed(audit.entries(conn, site=SITE))]


def test_one_that_is_kept_is_as_it_was_saved(store: Store) -> None:
    made = make(store)
    assert made.body == json.loads(dump(BODY))
    assert (made.owner, made.title, made.version, made.shared, made.created) == (ELS, "Kas", 1, False, NOW)
    with store.read() as conn:
        assert dashboards.get(conn, SITE, ELS, made.id) == made
    later = save(store, made, title="Kás 💶", now=NOW + timedelta(hours=1))
    assert (later.version, later.title, later.body["panels"]) == (2, "Kás 💶", [])
    assert (later.created, later.updated) == (NOW, NOW + timedelta(hours=1))
    assert trail(store) == [("dashboard made", ELS), ("dashboard saved", ELS)]


def test_own_ones_are_for_oneself_and_shared_ones_for_the_site(store: Store) -> None:
    own, shared = make(store), make(store, shared=True)
    make(store, site=OTHER, shared=True)
    assert set(seen(store, ELS)) == {own.id, shared.id}
    assert seen(store, PIET) == [shared.id]
    with store.read() as conn, pytest.raises(Missing):
        dashboards.get(conn, SITE, PIET, own.id)
    with store.read() as conn, pytest.raises(Missing):
        dashboards.get(conn, OTHER, ELS, own.id)
    with pytest.raises(Missing):
        save(store, own, PIET)
    with pytest.raises(Missing):
        remove(store, own, PIET)
    assert save(store, shared, PIET).updated_by == PIET


def test_only_the_owner_shares_and_locks(store: Store) -> None:
    one = make(store, shared=True)
    changes: list[dict[str, Any]] = [{"shared": False}, {"locked": True}]
    for change in changes:
        with pytest.raises(Refused, match="only els@"):
            save(store, one, PIET, **change)
    one = save(store, one, body=BODY, locked=True)
    with pytest.raises(Refused, match="locked"):
        save(store, one, PIET)
    with pytest.raises(Refused, match="only els@"):
        remove(store, one, PIET)
    one = save(store, one, body=BODY, locked=False)
    one = save(store, one, body=BODY, shared=False)
    assert seen(store, PIET) == []
    actions = [action for action, _ in trail(store)]
    assert actions == ["dashboard made", "dashboard locked", "dashboard unlocked", "dashboard no longer shared"]


def test_the_second_of_two_learns_who_saved_meanwhile(store: Store) -> None:
    one = make(store, shared=True)
    save(store, one, PIET)
    with pytest.raises(Overtaken) as caught:
        save(store, one, ELS, title="Mijn")
    now = caught.value.now
    assert (now.updated_by, now.version, now.title) == (PIET, 2, "Kas")
    assert save(store, one, ELS, title="Mijn", version=now.version).version == 3


def test_of_many_who_save_at_once_one_wins(store: Store) -> None:
    one, won, lost = make(store, shared=True), [], []
    start = threading.Barrier(5)

    def press(number: int) -> None:
        start.wait()
        try:
            won.append(save(store, one, PIET, title=f"T{number}").title)
        except Overtaken as other:
            lost.append(other.now.title)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert lost == won * 4
    with store.read() as conn:
        assert dashboards.get(conn, SITE, ELS, one.id).version == 2


def test_deleted_and_brought_back_by_saving(store: Store) -> None:
    one = make(store, shared=True)
    gone = remove(store, one, PIET)
    assert gone.deleted
    assert seen(store, ELS) == seen(store, PIET) == []
    with store.read() as conn, pytest.raises(Missing):
        dashboards.get(conn, SITE, ELS, one.id)
    with pytest.raises(Overtaken) as caught:
        save(store, one)
    assert caught.value.now.deleted
    back = save(store, gone, PIET, body=BODY)
    assert (back.id, back.owner, back.shared, back.deleted) == (one.id, ELS, True, False)
    assert seen(store, ELS) == [one.id]
    assert trail(store)[-2:] == [("dashboard deleted", PIET), ("dashboard restored", PIET)]
    with pytest.raises(Overtaken):
        remove(store, one)


def test_a_deleted_one_is_brought_back_by_nobody_who_did_not_delete_or_own_it(store: Store) -> None:
    gone = remove(store, make(store, shared=True))
    with pytest.raises(Missing):
        save(store, gone, PIET)


def test_what_was_deleted_goes_for_good(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboards, "MOST_DELETED", 3)
    old = remove(store, make(store))
    later = NOW + dashboards.KEPT_DELETED + timedelta(seconds=1)
    newer = [remove(store, make(store), now=later + timedelta(minutes=n)) for n in range(5)]
    with pytest.raises(Missing):
        save(store, old)
    for one in newer[:2]:
        with pytest.raises(Missing):
            save(store, one)
    for one in newer[2:]:
        assert save(store, one).id == one.id


def test_after_a_day_nothing_is_brought_back(store: Store) -> None:
    gone = remove(store, make(store))
    with pytest.raises(Missing):
        save(store, gone, now=NOW + dashboards.KEPT_DELETED + timedelta(seconds=1))
    assert seen(store, ELS) == []


def test_one_person_has_so_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboards, "MOST_OWN", 2)
    first = make(store)
    make(store)
    with pytest.raises(Refused, match="2 dashboards already"):
        make(store)
    make(store, PIET)
    make(store, site=OTHER)
    gone = remove(store, first)
    make(store)
    with pytest.raises(Refused, match="2 dashboards already"):
        save(store, gone)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "no JSON: .* in line 1, column 2"),
        ("[]", "input should be"),
        ("[" * 100_000, "no JSON"),
        (text_of(extra=1), "extra: extra inputs"),
        (text_of(version=2), "version: input should be 1"),
        (text_of(text_panel(), 5), "panel 2"),
        (text_of({"kind": "pie"}), r"panel 1 \(pie\): .*'pie'"),
        (text_of(text_panel(), chart(w=13)), r"panel 2 \(chart\): w: input should be less than or equal to 12"),
        (text_of(chart(metrics=[])), r"panel 1 \(chart\): metrics: .*at least 1"),
        (text_of(chart(metrics=[{"metric": "DROP TABLE"}])), r"panel 1 \(chart\): metrics 1 metric: it has characters"),
        (text_of(chart(limit="high")), r"panel 1 \(chart\): limit"),
        (text_of(chart(x=4)), "panel 1: it reaches to column 13 of 12"),
        (text_of(chart(), text_panel(x=2)), "panel 2: it lies over panel 1"),
        (text_of(text_panel(), chart(id="a")), "panel 2: its id 'a' is another's"),
        (text_of(text_panel(text="\u202e")), r"panel 1 \(text\): text"),
        (text_of(text_panel(title="a\nb")), r"panel 1 \(text\): title"),
        (text_of(text_panel(title="\ud800")), r"panel 1 \(text\): title"),
        (text_of(text_panel(w=True)), r"panel 1 \(text\): w"),
        (text_of(chart(limit=0)).replace('"limit": 0', '"limit": NaN'), r"panel 1 \(chart\): limit"),
        (text_of(text_panel(text="x" * MOST_BYTES)), f"larger than {MOST_BYTES}"),
        (text_of(*[text_panel(id=f"p{n}", y=2 * n) for n in range(MOST_PANELS + 1)]), "panels: .*at most 100"),
    ],
)
def test_what_is_no_dashboard_is_told_by_its_panel(body: str, said: str) -> None:
    with pytest.raises(BadBody, match=f"(?i){said}"):
        parse(body)


PLACES = st.fixed_dictionaries(
    {"x": st.integers(0, COLUMNS - 1), "y": st.integers(0, 40), "w": st.integers(1, COLUMNS), "h": st.integers(1, 6)}
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["chart", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["format", "version", "panels", "id", "kind", "metrics", "x", "y", "w", "h", "text", "limit"]
            )
            | st.text(max_size=4),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(ANY | st.text(), st.booleans())
def test_whatever_is_given_is_a_dashboard_or_refused_with_a_sentence(given: Any, wrapped: bool) -> None:
    text = given if isinstance(given, str) else json.dumps({"panels": given} if wrapped else given)
    try:
        body = parse(text)
    except BadBody as problem:
        assert str(problem).strip()
    else:
        assert parse(dump(body)) == body


@settings(max_examples=200, deadline=None)
@given(st.lists(PLACES, max_size=6))
def test_panels_that_are_kept_lie_side_by_side(places: list[dict[str, int]]) -> None:
    panels = [{**text_panel(id=f"p{number}"), **place} for number, place in enumerate(places)]
    cells = [
        (column, row)
        for one in panels
        for column in range(one["x"], one["x"] + one["w"])
        for row in range(one["y"], one["y"] + one["h"])
    ]
    fits = len(cells) == len(set(cells)) and all(column < COLUMNS for column, _ in cells)
    if fits:
        assert parse(dump(parse(text_of(*panels)))).panels == parse(text_of(*panels)).panels
    else:
        with pytest.raises(BadBody):
            parse(text_of(*panels))
