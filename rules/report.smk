rule report:
    input:
        tables=expand(
            f"{RESULTS}/{{dataset}}/{{file}}",
            dataset=CONFIG.values["datasets"],
            file=[
                *("leaderboard.csv", "comparisons.json", "published.csv"),
                *("protocols.csv", "subsets.csv"),
            ],
        ),
        cards=paths.card_files(CONFIG),
        audits=paths.audit_files(CONFIG),
        studies=studies_of_all(),
        words=paths.word_folders(CONFIG),
        probes=[
            path
            for dataset in CONFIG.values["datasets"]
            for path in paths.probe_files(CONFIG, dataset)
        ],
        templates=[
            shipped(f"report/{part}.html")
            for part in (
                *("page", "audit", "carries", "ceilings"),
                *("colours", "errors", "licences", "noncommercial", "theme", "why"),
            )
        ],
        references=shipped("resources/references.bib"),
        code=closure("report"),
    output:
        page=report(
            f"{RESULTS}/report/index.html",
            caption="../workflow/report/page.rst",
            category="Page",
            labels={"what": "all results"},
        ),
        figures=report(
            directory(f"{RESULTS}/report/figures"),
            patterns=["{data}.{target}.{figure}.svg"],
            caption="../workflow/report/figure.rst",
            category="Figures",
            labels={"data set": "{data}", "target": "{target}", "what": "{figure}"},
        ),
    log:
        "logs/report.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        folders=lambda wildcards, input: [*dict.fromkeys(map(parent, input.tables))],
        runs=lambda wildcards: RUNS,
        data=lambda wildcards: DATA,
        # of a user's own recipe it may be BibTeX, which has braces
        cite=lambda wildcards: references.citations(CONFIG),
        titles=lambda wildcards: sorted_json(references.titles(CONFIG)),
        words="" if CONFIG.values["page"]["words"] else "--without-words",
    shell:
        "python -m msa report {params.folders:q} --runs {params.runs:q} --data {params.data:q}"
        " --references {input.references:q} --cite {params.cite:q} --titles {params.titles:q} --output {output.page:q} --figures {output.figures:q}"
        " {params.words}"
        f" {LOGGED}"
