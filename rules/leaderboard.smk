rule leaderboard:
    input:
        results=results,
        comparisons=f"{RESULTS}/{{dataset}}/comparisons.json",
        published=f"{RESULTS}/{{dataset}}/published.csv",
        subsets=f"{RESULTS}/{{dataset}}/subsets.csv",
        probes=probes,
        code=closure("leaderboard"),
    output:
        csv=report(
            f"{RESULTS}/{{dataset}}/leaderboard.csv",
            caption="../workflow/report/leaderboard.rst",
            category="Results",
            labels={"data set": "{dataset}", "what": "leaderboard"},
        ),
        md=f"{RESULTS}/{{dataset}}/leaderboard.md",
    log:
        "logs/{dataset}/leaderboard.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        probes=lambda wildcards, input: [
            part for path in input.probes[:1] for part in ("--probes", path)
        ],
    shell:
        "python -m msa leaderboard {input.results:q} --comparisons {input.comparisons:q} --published {input.published:q}"
        " --subsets {input.subsets:q} {params.probes:q} --output-csv {output.csv:q} --output-md {output.md:q}"
        f" {LOGGED}"
