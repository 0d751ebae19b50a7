"""Items in files: CSV, JSON, JSON Lines, and the files of an S3 inventory.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}

Item = tuple[Any, str | None]  # its value, and its key when it is a member of an object


class ItemReaderError(Exception):
    """When a dataset cannot be read."""


def items_of(content: IO[bytes], config: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the items of a file, as ReaderConfig says.

    Raises:
        ItemReaderError: The file is of another kind.
    """
    kind = config.get("InputType", "JSON")
    if kind == "CSV":
        return ((row, None) for row in csv_rows(content, config))
    if kind == "JSONL":
        return ((value, None) for value in json_lines(content))
    if kind == "JSON":
        return json_items(content, config.get("ItemsPointer", ""))
    raise ItemReaderError(f"The local cloud does not emulate the InputType {kind} of an ItemReader.")


def csv_rows(content: IO[bytes], config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the rows below the header; columns that a row lacks are empty."""
    delimiter = DELIMITERS[config.get("CSVDelimiter", "COMMA")]
    rows = csv.reader(io.TextIOWrapper(content, "utf-8-sig", newline=""), delimiter=delimiter)
    headers = config.get("CSVHeaders", [])
    if config.get("CSVHeaderLocation", "FIRST_ROW") == "FIRST_ROW":
        headers = next(rows, [])
    yield from named(rows, headers)


def named(rows: Iterable[list[str]], headers: list[str]) -> Iterator[dict[str, str]]:
    """Yield rows with their headers, without empty ones."""
    if len(set(headers)) < len(headers):
        raise ItemReaderError("CSV headers cannot contain duplicates.")
    for row in rows:
        if row:
            yield dict(zip(headers, row + [""] * (len(headers) - len(row)), strict=False))


def json_lines(content: IO[bytes]) -> Iterator[Any]:
    for number, line in enumerate(content, 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as err:
            raise ItemReaderError(f"Line {number} is not JSON: {err}") from err


def json_items(content: IO[bytes], pointer: str) -> Iterator[Item]:
    """Yield the elements of an array, or the members of an object, that a JSON pointer leads to."""
    try:
        found = json.load(content)
    except ValueError as err:
        raise ItemReaderError(f"The file is not JSON: {err}") from err
    found = at_pointer(found, pointer)
    if isinstance(found, list):
        return ((value, None) for value in found)
    if isinstance(found, dict):
        return ((value, key) for key, value in found.items())
    raise ItemReaderError("Attempting to map over non-iterable node.")


def at_pointer(value: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) leads to."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError, TypeError, ValueError):
            sentence = "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON structure."
            raise ItemReaderError(sentence) from None
    return value


def inventory_of(content: IO[bytes]) -> tuple[list[str], list[str]]:
    """Return the keys of the files of an S3 inventory's manifest, and the names of their columns.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    """
    try:
        manifest = json.load(content)
        kind, schema, files = manifest["fileFormat"], manifest["fileSchema"], manifest["files"]
        keys = [file["key"] for file in files]
    except (ValueError, KeyError, TypeError) as err:
        raise ItemReaderError(f"The file is no manifest of an S3 inventory: {err!r}") from err
    if kind != "CSV":
        raise ItemReaderError(f"The local cloud does not emulate S3 inventories in the format {kind}.")
    return keys, [column.strip() for column in schema.split(",")]
