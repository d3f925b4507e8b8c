"""A recording's file: Parquet that any reader of it opens, with what repeats the run in its metadata.

Damage is found before anything is read, and a file that would take far more memory than its size is refused before it is unpacked.
Only the encodings of the first Parquet are used (plain, dictionary, run lengths): not every reader knows the later ones.
"""

import sys
from importlib.metadata import version
from zlib import crc32

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from raftcore.checks.violation import Violation
from raftcore.recording.columns import SCHEMA, WORDS
from raftcore.recording.validation import check_columns
from raftcore.vocabulary.errors import CommandError, ConfigError, FileError
from raftcore.vocabulary.scenario import Scenario, check_run
from raftcore.vocabulary.spelling import brief
from raftcore.vocabulary.validation import check_time

FORMAT = "raftlab recording"
VERSION = 2

PARQUET = b"PAR1"
_HEADER, _CHECKSUM = b"raftlab", b"raftlab_checksum"
_UNSEALED = b"0" * 8  # in place of the checksum, a CRC-32 as hexadecimal digits, while it is counted

ROWS_PER_BYTE = 0.5
"""Events in a byte of a file at most; usual files have one in ten bytes."""

UNPACKED_PER_BYTE = 64
UNPACKED_ALWAYS = 1 << 28
"""Bytes that the columns may take unpacked: so many per byte of a file, or so many in all."""

_WHAT_PYARROW_RAISES = (pa.ArrowException, OSError, ValueError, TypeError, MemoryError, OverflowError)


_DTYPES = {pa.int64(): "Int64", pa.float64(): "float64", pa.binary(): "object"}
_IN_PANDAS = pd.DataFrame({field.name: pd.Series(dtype=_DTYPES.get(field.type, "category")) for field in SCHEMA})
_TYPED = SCHEMA.with_metadata(pa.Schema.from_pandas(_IN_PANDAS, preserve_index=False).metadata)
"""So that pandas reads whole numbers as such, also where some are absent."""


class Header(Struct, frozen=True, kw_only=True):
    """What a file says of its run, as JSON under "raftlab" in its metadata.

    made_with: versions of what wrote it. events: their number. violations: what broke an invariant; None: nobody has looked yet.
    """

    format: str = FORMAT
    version: int = VERSION
    made_with: dict[str, str]
    scenario: Scenario
    now_ms: float
    events: int
    violations: tuple[Violation, ...] | None = None


class _Kind(Struct):
    format: str
    version: int


def versions() -> dict[str, str]:
    """What writes this file."""
    return {"raft-lab": version("raft-lab"), "python": sys.version.split()[0], "pyarrow": pa.__version__}


def to_parquet(table: pa.Table, header: Header) -> bytes:
    """The bytes of a file. Columns that would unpack to more than a reader takes for its size are not compressed."""
    data = _written(table, header, "zstd")
    return data if _fits(pq.read_metadata(pa.BufferReader(data)), len(data)) else _written(table, header, "none")


def _written(table: pa.Table, header: Header, compression: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        _TYPED,
        compression=compression,
        compression_level=9 if compression == "zstd" else None,
        use_dictionary=list(WORDS),
        write_statistics=False,  # nothing is looked up in these files
    ) as writer:
        writer.write_table(table.cast(_TYPED))
        # A schema's metadata would be written twice.
        writer.add_key_value_metadata({_HEADER: msgspec.json.encode(header), _CHECKSUM: _UNSEALED})
    return sealed(sink.getvalue().to_pybytes())


def sealed(data: bytes) -> bytes:
    """The file with the checksum of all its other bytes in its place."""
    place = _place_of_checksum(data)
    return data[:place] + _checksum(data, place) + data[place + len(_UNSEALED) :]


def _place_of_checksum(data: bytes) -> int:
    """Where the checksum stands, in the file's metadata at its end: behind its name, and the type and length of a text; -1: nowhere."""
    name = data.rfind(_CHECKSUM)
    return name + len(_CHECKSUM) + 2 if name >= 0 else -1


def _checksum(data: bytes, place: int) -> bytes:
    """Of the whole file, as if its checksum was not there yet."""
    view = memoryview(data)
    return b"%08x" % crc32(view[place + len(_UNSEALED) :], crc32(_UNSEALED, crc32(view[:place])))


def from_parquet(data: bytes, name: str) -> tuple[pa.Table, Header]:
    """The columns and the header that a file's bytes hold; FileError says what is wrong with them. `name` is what errors call them."""
    if not data.startswith(PARQUET):
        raise FileError(f"{name} is no recording of this lab, which are Parquet files")
    if len(data) < 12 or not data.endswith(PARQUET):
        raise FileError(
            f"{name} is cut off: a Parquet file ends with {PARQUET.decode()}, and this one breaks off after {len(data):,} bytes"
        )
    place = _place_of_checksum(data)
    intact = place >= 0 and data[place : place + len(_UNSEALED)] == _checksum(data, place)
    try:
        file = pq.ParquetFile(pa.BufferReader(data), thrift_string_size_limit=len(data))
        header = _read_header(file.metadata.metadata or {}, name, intact)
        _refuse_bombs(file.metadata, len(data), header, name)
        table = file.read()
    except FileError:
        raise
    except _WHAT_PYARROW_RAISES as error:
        raise FileError(f"{name} is damaged: {error if intact else _NOT_AS_WRITTEN}") from None
    if table.schema.remove_metadata() != SCHEMA:
        raise FileError(f"{name} is damaged: its columns are not those that it says it has")
    table = table.replace_schema_metadata(None).unify_dictionaries()
    check_columns(table, header.now_ms, name)
    return table, header


_NOT_AS_WRITTEN = "it is not what was written"


def _refuse_bombs(metadata: pq.FileMetaData, size: int, header: Header, name: str) -> None:
    """Before anything is unpacked. Raises FileError."""
    if metadata.num_rows != header.events:
        raise FileError(f"{name} is damaged: it has {metadata.num_rows:,} events, and says that it has {header.events:,}")
    if not _fits(metadata, size):
        raise FileError(
            f"{name} is no recording of this lab: {metadata.num_rows:,} events, {_unpacked(metadata):,} bytes when unpacked, "
            f"are more than a file of {size:,} bytes can hold"
        )


def _fits(metadata: pq.FileMetaData, size: int) -> bool:
    few_rows = metadata.num_rows <= ROWS_PER_BYTE * size
    return few_rows and 0 <= _unpacked(metadata) <= max(UNPACKED_ALWAYS, UNPACKED_PER_BYTE * size)


def _unpacked(metadata: pq.FileMetaData) -> int:
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    return sum(group.column(number).total_uncompressed_size for group in groups for number in range(group.num_columns))


def _read_header(metadata: dict[bytes, bytes], name: str, intact: bool) -> Header:
    if _HEADER not in metadata:
        raise FileError(f"{name} is a Parquet file, but no recording of this lab: it has no metadata of the name {_HEADER.decode()!r}")
    said = metadata[_HEADER]
    try:
        kind = msgspec.json.decode(said, type=_Kind)
        if intact or kind.version == 1:
            _check_kind(kind, name)
        if not intact:
            raise FileError(f"{name} is damaged: {_NOT_AS_WRITTEN}")
        header = msgspec.json.decode(said, type=Header)
        check_run(header.scenario)
        _check_header(header)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ConfigError, CommandError) as error:
        raise FileError(f"{name} is a damaged recording: {error if intact else _NOT_AS_WRITTEN}") from None
    return header


def _check_kind(kind: _Kind, name: str) -> None:
    if kind.format != FORMAT:
        raise FileError(f"{name} holds {brief(kind.format)}, and a recording says {FORMAT!r}")
    if kind.version > VERSION:
        raise FileError(f"{name} is a recording of version {kind.version}, and this lab reads version {VERSION}; a newer lab can load it")
    if kind.version < VERSION:
        raise FileError(
            f"{name} is a recording of version {kind.version}, of an earlier lab: it has no checksum of the whole file, and this lab reads "
            f"version {VERSION}. Repeat the run: its scenario stands as JSON in the metadata of the file, under {_HEADER.decode()!r}"
        )


def _check_header(header: Header) -> None:
    """Raise ConfigError for what no run has."""
    check_time("have run for", header.now_ms)
    for violation in header.violations or ():
        if not violation.evidence or not all(0 <= position < header.events for position in violation.evidence):
            raise ConfigError(
                f"the evidence of {brief(violation.property)} is {brief(violation.evidence)}, and there are {header.events:,} events"
            )
