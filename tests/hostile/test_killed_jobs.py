"""Jobs killed at random, with full and removed disks, end with the tables of an undisturbed run."""

import pytest

from killed_jobs import soak


@pytest.mark.soak
@pytest.mark.parametrize(("kills", "workers"), [(50, 1), (10, 2)])
def test_killed_jobs_lose_nothing(kills, workers):
    report = soak(kills, workers=workers, seed=workers)
    assert report["kills"] >= kills
    assert report["finished"] >= 1
