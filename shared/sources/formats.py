"""Formats that are known by their first bytes."""

import dataclasses
from collections.abc import Callable

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_USER_BLOCKS = (0, 512, 1024, 2048, 4096)
_JSON_SPACE = b" \t\r\n"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format: its media types (the one to store first), the endings of its files, and how they begin."""

    media_types: tuple[str, ...]
    endings: tuple[str, ...]
    begins: Callable[[bytes], bool]


def _magic(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda first: first.startswith(magic)


def _is_hdf5(first: bytes) -> bool:
    """HDF5 may stand behind a block of the user's (https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html, superblock)."""
    return any(first.startswith(_HDF5, offset) for offset in _HDF5_USER_BLOCKS)


def _is_netcdf(first: bytes) -> bool:
    return first.startswith((b"CDF\x01", b"CDF\x02", b"CDF\x05")) or _is_hdf5(first)


def _is_hdf(first: bytes) -> bool:
    return first.startswith(b"\x0e\x03\x13\x01") or _is_hdf5(first)


def _is_grib(first: bytes) -> bool:
    """Messages from weather centres often have a bulletin's heading in front."""
    return b"GRIB" in first[:1024]


def _is_json(first: bytes) -> bool:
    return first.removeprefix(b"\xef\xbb\xbf").lstrip(_JSON_SPACE).startswith((b"{", b"["))


FORMATS = (
    Format(
        media_types=("image/tiff", "image/vnd.stac.geotiff", "image/tiff-fx", "application/geotiff"),
        endings=("tif", "tiff", "gtiff", "geotiff"),
        begins=_magic(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    ),
    Format(media_types=("image/png",), endings=("png",), begins=_magic(b"\x89PNG\r\n\x1a\n")),
    Format(media_types=("image/jpeg", "image/jpg"), endings=("jpg", "jpeg", "jpe"), begins=_magic(b"\xff\xd8\xff")),
    Format(
        media_types=("image/jp2", "image/jpx", "image/jpm", "image/j2c"),
        endings=("jp2", "jpx", "jpf", "j2k", "j2c", "jpc"),
        begins=_magic(b"\x00\x00\x00\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    ),
    Format(media_types=("application/geo+json",), endings=("geojson",), begins=_is_json),
    # A Zarr store's metadata: zarr.json, and the dot files of version 2 (https://zarr-specs.readthedocs.io).
    Format(
        media_types=("application/json",), endings=("json", "zarray", "zgroup", "zattrs", "zmetadata"), begins=_is_json
    ),
    Format(media_types=("application/x-hdf5", "application/hdf5"), endings=("h5", "hdf5", "he5"), begins=_is_hdf5),
    Format(media_types=("application/x-hdf",), endings=("hdf", "hdf4", "h4"), begins=_is_hdf),
    Format(
        media_types=("application/netcdf", "application/x-netcdf"), endings=("nc", "nc4", "netcdf"), begins=_is_netcdf
    ),
    Format(
        media_types=("application/zip", "application/x-zip-compressed"),
        endings=("zip",),
        begins=_magic(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
    ),
    Format(media_types=("application/gzip", "application/x-gzip"), endings=("gz", "tgz"), begins=_magic(b"\x1f\x8b")),
    Format(
        media_types=("application/wmo-grib2", "application/wmo-grib", "application/grib", "application/x-grib"),
        endings=("grib", "grib1", "grib2", "grb", "grb1", "grb2", "gb2"),
        begins=_is_grib,
    ),
    Format(
        media_types=("application/vnd.apache.parquet", "application/x-parquet"),
        endings=("parquet", "geoparquet"),
        begins=_magic(b"PAR1", b"PARE"),
    ),
)
