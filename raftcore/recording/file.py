"""A recording's file: Parquet that any reader of it opens, with what repeats the run in its metadata.

Damage is found before anything is taken in.
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
from raftcore.vocabulary.errors import ConfigError, FileError
from raftcore.vocabulary.scenario import Scenario

FORMAT = "raftlab recording"
VERSION = 1

PARQUET = b"PAR1"
_HEADER, _CHECKSUM = b"raftlab", b"raftlab_crc32"
_OURS = {_HEADER, _CHECKSUM}

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
    """The bytes of a file."""
    said = msgspec.json.encode(header)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        _TYPED,
        compression="zstd",
        compression_level=9,
        use_dictionary=list(WORDS),
        column_encoding={"id": "DELTA_BINARY_PACKED", "index": "DELTA_BINARY_PACKED", "until_ms": "BYTE_STREAM_SPLIT"},
        write_page_checksum=True,
        write_statistics=False,  # nothing is looked up in these files, so they would only be more that can rot
    ) as writer:
        writer.write_table(table.cast(_TYPED))
        writer.add_key_value_metadata({_HEADER: said, _CHECKSUM: str(crc32(said))})  # a schema's metadata would be written twice
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def from_parquet(data: bytes, name: str) -> tuple[pa.Table, Header]:
    """The columns and the header that a file's bytes hold; FileError says what is wrong with them. `name` is what errors call them."""
    if not data.startswith(PARQUET):
        raise FileError(f"{name} is no recording of this lab, which are Parquet files")
    if len(data) < 12 or not data.endswith(PARQUET):
        raise FileError(
            f"{name} is cut off: a Parquet file ends with {PARQUET.decode()}, and this one breaks off after {len(data):,} bytes"
        )
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        header = _read_header(file.metadata.metadata or {}, name)
        table = file.read()
    except _WHAT_PYARROW_RAISES as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{name} is damaged: {error}") from None
    if table.schema.remove_metadata() != SCHEMA or len(table) != header.events:
        raise FileError(f"{name} is damaged: its columns are not those that it says it has")
    return table.replace_schema_metadata(None).unify_dictionaries(), header


def _read_header(metadata: dict[bytes, bytes], name: str) -> Header:
    if not metadata.keys() >= _OURS:
        raise FileError(f"{name} is a Parquet file, but no recording of this lab: it has no metadata of the name {_HEADER.decode()!r}")
    said = metadata[_HEADER]
    if metadata[_CHECKSUM] != str(crc32(said)).encode():
        raise FileError(f"{name} is damaged: what it says of its run is not what was written")
    kind = msgspec.json.decode(said, type=_Kind)
    if kind.format != FORMAT:
        raise FileError(f"{name} holds {kind.format!r}, and a recording says {FORMAT!r}")
    if kind.version > VERSION:
        raise FileError(f"{name} is a recording of version {kind.version}, and this lab reads up to {VERSION}; a newer lab can load it")
    try:
        return msgspec.json.decode(said, type=Header)
    except (msgspec.ValidationError, ConfigError) as error:
        raise FileError(f"{name} is a damaged recording: {error}") from None
