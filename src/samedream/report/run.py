"""The report stage: study directory in, one page out."""

from pathlib import Path

from samedream import artifacts, progress
from samedream.report.config import ReportConfig
from samedream.report.finding import find_comparisons, inputs
from samedream.report.gather import gather
from samedream.report.page import render


def run(study_dir: Path, config: ReportConfig) -> Path:
    """Write report/index.html from everything the study has finished.

    Args:
        study_dir: The study's directory.
        config: How much to show.

    Returns:
        The page's path. A page that was made from the same study with the same settings is left as it is.

    Raises:
        MissingArtifactError: No comparison is finished, or something it rests on is gone.
        StaleArtifactError: There is a page made with other settings or from other inputs.
        CorruptArtifactError: A file of the study cannot be read.
    """
    out = study_dir / "report"
    page = out / "index.html"
    settings = config.model_dump(mode="json")
    found = find_comparisons(study_dir)
    sources = inputs(study_dir, found)
    if artifacts.already_done(out, "report", settings, sources):
        return page
    with progress.step("writing the page", 2, "steps") as step:
        gathered = gather(study_dir, config, found)
        step.advance()
        artifacts.write_bytes(page, render(gathered).encode())
        step.advance()
    counts = {
        "comparisons": len(found),
        "pairs": sum(len(comparison.best) + len(comparison.random) for comparison in gathered.comparisons),
    }
    artifacts.finish(out, "report", settings, inputs=sources, counts=counts, files=[page])
    return page
