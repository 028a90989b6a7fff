"""When metrics are due."""

from hypothesis import given
from hypothesis import strategies as st

from baken.collector.schedule import Schedule

SHARE = 0.001
intervals = st.dictionaries(
    st.sampled_from([f"metric_{index}" for index in range(8)]), st.sampled_from([10.0, 60.0, 300.0, 3600.0]), min_size=1
)


def run_for(schedule: Schedule, start: float, seconds: float, costs: dict[str, float]) -> dict[str, list[float]]:
    """Let a schedule run for `seconds`; when each metric ran."""
    times: dict[str, list[float]] = {}
    now = start
    while now < start + seconds:
        due = schedule.due(now)
        for metric in due:
            times.setdefault(metric, []).append(now)
        schedule.ran(due, now)
        schedule.cost({metric: costs.get(metric, 0.0) for metric in due})
        assert schedule.next_due > now
        now = schedule.next_due
    return times


@given(intervals, st.text(max_size=20), st.floats(0, 1e6))
def test_everything_runs_at_once_and_then_at_its_own_interval(every: dict[str, float], name: str, start: float) -> None:
    times = run_for(Schedule(name, every, cost_share=SHARE, now=start), start, 7300, {})
    for metric, interval in every.items():
        assert times[metric][0] == start
        steps = [later - earlier for earlier, later in zip(times[metric][1:], times[metric][2:], strict=False)]
        assert all(abs(step - interval) < 1e-3 for step in steps)
        assert times[metric][1] - start <= interval + 1e-3


def test_metrics_of_longer_intervals_share_the_runs_of_shorter_ones() -> None:
    times = run_for(Schedule("site", {"fast": 10, "slow": 60}, cost_share=SHARE, now=5.0), 5.0, 600, {})
    assert {round(moment, 3) for moment in times["slow"]} <= {round(moment, 3) for moment in times["fast"]}


def test_sites_are_not_read_in_the_same_instant() -> None:
    moments = set()
    for index in range(200):
        schedule = Schedule(f"site-{index}", {"m": 60}, cost_share=SHARE, now=0.0)
        schedule.ran(["m"], 0.0)
        moments.add(round(schedule.next_due, 2))
    assert len(moments) > 150


@given(st.floats(0.005, 2.0), st.floats(0.0, 0.001))
def test_what_costs_too_much_is_read_less_often_until_all_stay_within_the_share(dear: float, cheap: float) -> None:
    costs = {"dear": dear, "cheap": cheap}
    every = {"dear": 60.0, "cheap": 60.0}
    times = run_for(Schedule("site", every, cost_share=SHARE, now=0.0), 0.0, 36_000, costs)
    spent = sum(costs[metric] * len(times[metric][3:]) for metric in every)
    longest_stretch = dear / 60 > 60 * SHARE
    assert spent <= 36_000 * SHARE * 1.05 or longest_stretch
    assert len(times["cheap"]) > 500, "a cheap metric never pays for a dear one"


def test_a_request_makes_everything_due() -> None:
    schedule = Schedule("site", {"a": 60, "b": 3600}, cost_share=SHARE, now=0.0)
    schedule.ran(["a", "b"], 0.0)
    schedule.everything_now(3.0)
    assert set(schedule.due(3.0)) == {"a", "b"}
