rule paper_table:
    input:
        results=results,
        comparisons=f"{RESULTS}/{{dataset}}/comparisons.json",
        code=closure("paper_table"),
    output:
        tex=f"{RESULTS}/{{dataset}}/table.tex",
        md=f"{RESULTS}/{{dataset}}/table.md",
    log:
        "logs/{dataset}/paper_table.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    shell:
        "python -m msa paper-table {input.results:q} --comparisons {input.comparisons:q}"
        " --output-tex {output.tex:q} --output-md {output.md:q} 2>&1 | tee {log:q}"
