rule paper_table:
    input:
        results=results,
        comparisons=f"{RESULTS}/{{dataset}}/comparisons.json",
        code=closure("paper-table"),
    output:
        tex=report(
            f"{RESULTS}/{{dataset}}/table.tex",
            caption="../workflow/report/table.rst",
            category="Tables",
            labels={"data set": "{dataset}", "what": "LaTeX"},
        ),
        md=report(
            f"{RESULTS}/{{dataset}}/table.md",
            caption="../workflow/report/table.rst",
            category="Tables",
            labels={"data set": "{dataset}", "what": "Markdown"},
        ),
    log:
        "logs/{dataset}/paper_table.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    shell:
        "python -m msa paper-table {input.results:q} --comparisons {input.comparisons:q}"
        " --output-tex {output.tex:q} --output-md {output.md:q}"
        f" {LOGGED}"
