"""Torch files: what is altered anywhere is noticed, and what claims too much is refused."""

from __future__ import annotations

import io
import struct
import zipfile
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from tests.profiles import first_at_a_commit
from tests.trainers.training.test_loop import flat
from trainers.checkpoints.torch_file import (
    MAX_TORCH_FILE_BYTES,
    SEAL,
    BrokenFile,
    check_torch_file,
    parse_torch_file,
    read_torch_file,
    torch_file_bytes,
)

CONTENT = {
    "format": 2,
    "arch": {"widths": [1, 2, 3], "stem": "dgc"},
    "state": {f"weight{index}": torch.arange(15.0).reshape(5, 3) + index for index in range(6)},
    "curve": [{"epoch": 1.0, "loss": 0.5}],
}


def saved_by_torch(content: dict) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


OURS, THEIRS = torch_file_bytes(CONTENT), saved_by_torch(CONTENT)


def same(found: dict) -> bool:
    expected, found = flat(CONTENT), flat(found)
    return found.keys() == expected.keys() and all(
        torch.equal(found[key], value) if isinstance(value, torch.Tensor) else found[key] == value
        for key, value in expected.items()
    )


def verdict(data: bytes) -> str:
    """``refused`` by name, or ``same``; anything else fails the test."""
    try:
        found = parse_torch_file(data, "some/last.pt")
    except InvalidInput as error:
        return "refused" if str(error).startswith("checkpoint some/last.pt must ") else str(error)
    assert same(found), "altered content was taken for whole"
    return "same"


def test_any_reader_of_torch_files_reads_ours():
    assert same(torch.load(io.BytesIO(OURS), weights_only=True))
    with zipfile.ZipFile(io.BytesIO(OURS)) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(SEAL)
    assert same(parse_torch_file(OURS, "x"))
    assert same(parse_torch_file(THEIRS, "x"))


@pytest.mark.parametrize("mask", first_at_a_commit([0x10, 0x01, 0x80, 0xFF]))
@pytest.mark.parametrize("whole", [OURS, THEIRS], ids=["ours", "torch's"])
def test_no_altered_byte_goes_unnoticed(whole, mask):
    """The whole file, byte by byte: torch's own reader returns other weights for some of these, for 0x10 above all."""
    verdicts = Counter()
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= mask
        verdicts[verdict(bytes(altered))] += 1
    # What may differ is what nothing depends on: ours the words before the digest, theirs padding and dates.
    assert set(verdicts) <= {"refused", "same"}
    assert verdicts["same"] <= (len(SEAL) if whole is OURS else len(whole) / 2)
    assert verdicts["refused"] >= len(whole) / 3


@given(data=st.data())
def test_no_altered_stretch_goes_unnoticed(data):
    """Lost blocks, zeros, repeats: what disks and networks do."""
    whole = data.draw(st.sampled_from([OURS, THEIRS]))
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, len(whole)))
    filling = data.draw(st.binary(max_size=64) | st.just(bytes(end - start)))
    assert verdict(whole[:start] + filling + whole[end:]) in ("refused", "same")


@pytest.mark.parametrize("whole", [OURS, THEIRS], ids=["ours", "torch's"])
def test_a_file_cut_anywhere(whole):
    ends = range(len(whole) - len(SEAL) - 64) if whole is OURS else range(len(whole))
    assert {verdict(whole[:end]) for end in ends} == {"refused"}


def test_a_member_marked_as_a_folder_is_refused():
    """Why the checksums of the members are not enough: torch does not read such a member, and does not say so."""
    altered = bytearray(THEIRS)
    for place in directory_entries(THEIRS):
        altered[place + 38] |= 0x10
    with zipfile.ZipFile(io.BytesIO(bytes(altered))) as archive:
        assert archive.testzip() is None
    with pytest.raises(BrokenFile, match="a member is marked as a folder"):
        parse_torch_file(bytes(altered), "x")


def directory_entries(data: bytes) -> list[int]:
    """Where the entries of a zip directory begin."""
    found, place = [], data.find(b"PK\x01\x02")
    while place >= 0:
        found.append(place)
        place = data.find(b"PK\x01\x02", place + 1)
    return found


def test_a_compressed_file_is_refused():
    """A thousand bytes could claim a gigabyte."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(THEIRS)) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member))
    with pytest.raises(BrokenFile, match=r"checkpoint x must be a whole torch file .*: it is compressed, which torch files"):
        parse_torch_file(packed.getvalue(), "x")


def test_members_that_claim_more_than_the_file_has_are_refused():
    altered = bytearray(THEIRS)
    for place in directory_entries(THEIRS):
        altered[place + 20 : place + 28] = struct.pack("<II", 2000, 2000)
    message = rf"its members claim \d+ bytes and the file has {len(THEIRS)}"
    with pytest.raises(BrokenFile, match=message):
        check_torch_file(bytes(altered), "x")


def test_a_tensor_larger_than_its_member_is_refused():
    short = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(THEIRS)) as source, zipfile.ZipFile(short, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            target.writestr(member.filename, content[:4] if "data/" in member.filename else content)
    with pytest.raises(BrokenFile, match="checkpoint x must be a whole torch file of plain tensors, but: record size"):
        parse_torch_file(short.getvalue(), "x")


def test_a_file_too_large_to_be_a_checkpoint_is_not_read(tmp_path):
    path = tmp_path / "large.pt"
    with path.open("wb") as file:
        file.truncate(MAX_TORCH_FILE_BYTES + 1)
    with pytest.raises(InvalidInput, match=rf"large\.pt must be at most {MAX_TORCH_FILE_BYTES} bytes, got"):
        read_torch_file(path)
