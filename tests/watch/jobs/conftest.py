"""Card that is labelled, and runs that draw no timelines."""

import pytest

from job_cards import card, without_timelines


@pytest.fixture(scope="module")
def no_timelines():
    with without_timelines():
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return card(tmp_path_factory.mktemp("card"))
