rule leaderboard:
    input:
        results=results,
        comparisons=f"{RESULTS}/{{dataset}}/comparisons.json",
        published=f"{RESULTS}/{{dataset}}/published.csv",
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
    shell:
        "python -m msa leaderboard {input.results:q} --comparisons {input.comparisons:q} --published {input.published:q}"
        " --output-csv {output.csv:q} --output-md {output.md:q}"
        f" {LOGGED}"
