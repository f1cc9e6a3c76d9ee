"""Locations: paths and S3 URLs, and nothing that might be a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.checkpoints.location import below, located, parent_and_name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("runs/x", Path("runs/x")),
        (Path("/a/b"), Path("/a/b")),
        ("file:///a/b%20c", Path("/a/b c")),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://my.bucket/deep/er/", "s3://my.bucket/deep/er"),
    ],
)
def test_what_a_user_writes(text, expected):
    assert located(text) == expected
    assert located(located(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://me:s3cr3t@bucket/x", "must not hold credentials: they come from the environment"),
        ("s3://me:s3cr3t/with@bucket/x", "must not hold credentials"),
        ("s3://s3cr3t:rest/x", "must not hold credentials"),
        ("s3://bucket/x?token=s3cr3t", "plain names between single slashes"),
        ("s3://bucket//x", "plain names between single slashes"),
        ("s3://bucket/../x", "plain names between single slashes"),
        ("s3:///x", "must be s3://bucket/prefix"),
        ("gs://s3cr3t/x", "a location must be a folder, file:///folder or s3://bucket/prefix, got gs://…"),
        ("file://s3cr3t/x", "must be file:///, with three slashes"),
    ],
)
def test_what_is_refused_is_not_shown(text, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        located(text)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("place", [Path("/a"), "s3://bucket", "s3://bucket/p"])
def test_below_and_back(place):
    assert parent_and_name(below(place, "b", "c")) == (below(place, "b"), "c")
    assert below(place) == place
