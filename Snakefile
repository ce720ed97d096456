import os
import sys

from snakemake.logging import logger
from snakemake.utils import min_version

from msa.base.logs import failure

min_version("9.0")


# run in another folder: that folder's, or else the one beside the Snakefile
HERE = os.path.exists("config.yaml")


configfile: "config.yaml" if HERE else workflow.source_path("config.yaml")


# for --sdm apptainer, which runs every stage in it; envs/Dockerfile says how it is made
container: config.get("container", "msa.sif")


include: "rules/common.smk"
include: "rules/sources.smk"
include: "rules/runs.smk"
include: "rules/videos.smk"
include: "rules/demo.smk"
include: "rules/download.smk"
include: "rules/check.smk"
include: "rules/fetch_encoder.smk"
include: "rules/face_weights.smk"
include: "rules/extract.smk"
include: "rules/align.smk"
include: "rules/split.smk"
include: "rules/import_data.smk"
include: "rules/audit.smk"
include: "rules/clean.smk"
include: "rules/croissant.smk"
include: "rules/encode.smk"
include: "rules/settings.smk"
include: "rules/train.smk"
include: "rules/train_seeds.smk"
include: "rules/share_training.smk"
include: "rules/import_checkpoint.smk"
include: "rules/predict.smk"
include: "rules/cross_validate.smk"
include: "rules/score.smk"
include: "rules/summarize.smk"
include: "rules/search.smk"
include: "rules/perturb.smk"
include: "rules/robustness.smk"
include: "rules/ablation.smk"
include: "rules/transfer.smk"
include: "rules/examine.smk"
include: "rules/probe.smk"
include: "rules/subsets.smk"
include: "rules/leaderboard.smk"
include: "rules/compare.smk"
include: "rules/protocols.smk"
include: "rules/published.smk"
include: "rules/paper_table.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/report/index.html",
        expand(
            f"{RESULTS}/{{dataset}}/{{file}}",
            dataset=CONFIG.values["datasets"],
            file=[
                *("leaderboard.csv", "leaderboard.md", "comparisons.json"),
                *("published.csv", "table.tex", "table.md", "subsets.csv"),
            ],
        ),
        paths.croissant_files(CONFIG),
        studies_of_all(),
    localrule: True


onsuccess:
    for title, rule_name, file in (
        ("Table", "leaderboard", "md"),
        ("Page", "report", "page"),
    ):
        jobs = [
            job for job in workflow.dag.finished_jobs if job.rule.name == rule_name
        ]
        if jobs:
            files = sorted(str(job.output[file]) for job in jobs)
            logger.info(f"{title}: {', '.join(files)}")


# Snakemake takes what a failed job was asked for done. Unless what was to follow it counts as not
# finished, old results of it stand, and the next run finds nothing to be done.
# And whatever --quiet leaves out; Snakemake's own lines name the command, not the error.
onerror:
    dag, failed = workflow.dag, workflow.scheduler.failed
    for job in dag.bfs(dag.depending, *failed):
        if dag.needrun(job) and job not in failed:
            workflow.persistence.started(job)
    for job in sorted(failed, key=str):
        for path in map(Path, job.log):
            print(
                f"\nFailed: {job.rule.name}, {path}\n{failure(path)}",
                file=sys.stderr,
            )
