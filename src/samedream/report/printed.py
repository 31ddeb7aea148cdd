"""What a study's comparisons say, for the terminal: a sentence and the rows of a small table each."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samedream.report.finding import Found, find_comparisons
from samedream.report.labelled import labelled_tables, read_labelled
from samedream.report.measured import measured
from samedream.report.reading import read_json
from samedream.report.tables import Cell, Table
from samedream.report.together import SUMMARY, directory_of

Printed = tuple[str, list[dict[str, str]]]


def printed(study: Path) -> Iterator[Printed]:
    """Sentences with the rows of their tables; either may be empty.

    Two models: everything measured beside the answer. More: the matrix of all, and for every two the sentences.

    Args:
        study: The study's directory, its comparisons finished.

    Raises:
        MissingArtifactError: No comparison is finished.
        CorruptArtifactError: A file cannot be read.
    """
    found = find_comparisons(study)
    everything = directory_of(study, found)
    if everything is not None:
        yield from _of_all(read_json(everything / SUMMARY))
    for comparison in found:
        yield from _of_pair(comparison, rows=len(found) == 1)


def _of_all(summary: Mapping[str, Any]) -> Iterator[Printed]:
    models, found = summary["models"], summary["normalised"]
    cells = {row: {f"in {name}": _in_matrix(found[row], row, name) for name in models} for row in models}
    yield "", [{"features of": row, **cells[row]} for row in models]
    yield f"concepts in all {len(models)} models: {summary['concepts']['in_all']}", []


def _in_matrix(row: Mapping[str, Any], here: str, there: str) -> str:
    if here == there:
        return "1 (own repeat)"
    found = row[there]
    return f"{found['value']:.2f} [{found['low']:.2f}–{found['high']:.2f}]" if found else "cannot tell"


def _of_pair(comparison: Found, *, rows: bool) -> Iterator[Printed]:
    verdict = str(comparison.summary.get("verdict") or "")
    yield f"\n{verdict}", []
    tables = measured(comparison.summary, comparison.names)
    for table in [*tables, *labelled_tables(read_labelled(comparison.directory), comparison.names)]:
        if table.gap:
            yield f"{_gap(rows)}{table.title} ({table.gap.rstrip('.')})", []
        elif rows:
            yield f"\n{table.title}", _rows(table)
        else:
            yield f"- {table.title}", []


def _gap(rows: bool) -> str:
    return "\n" if rows else "- "


def _rows(table: Table) -> list[dict[str, str]]:
    heads = ["", *(column.words for column in table.columns)]
    return [dict(zip(heads, [f"  {line.words}", *map(_cell, line.cells)], strict=True)) for line in table.lines]


def _cell(cell: Cell) -> str:
    return " ".join(part for part in (cell.text, cell.ends, f"({cell.note})" if cell.note else "") if part)
