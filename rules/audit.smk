# What of the data would make scores too good. Nothing waits for it, and what it says changes no run,
# unless a recipe has `audit: strict`: then `refuse_leakage` stands before all that follows the folds.
rule audit:
    input:
        folds=expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS),
        card=f"{DATA}/{{dataset}}/card.json",
        times=times_files,
        speakers=speakers_file,
        checks=lambda wildcards: checks(wildcards)
        + checks_of(*sources.speaker_sources(CONFIG, wildcards.dataset)),
        code=closure("audit"),
    output:
        audit=f"{DATA}/{{dataset}}/audit.json",
        table=f"{DATA}/{{dataset}}/audit.md",
    log:
        "logs/{dataset}/audit.log",
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(2000, per_mb=0.2),
        runtime=scaled(15, per_mb=0.01),
    params:
        data=lambda wildcards, input: parent(input.card),
        times=lambda wildcards, input: (
            ["--times", *input.times] if input.times else []
        ),
        what=lambda wildcards: flags.audit_flags(CONFIG, wildcards.dataset),
    shell:
        "python -m msa audit {params.data:q} --output {output.audit:q} {params.times:q}"
        " {params.what:q}"
        f" {LOGGED}"


rule refuse_leakage:
    input:
        audit=f"{DATA}/{{dataset}}/audit.json",
        code=closure("refuse-leakage"),
    output:
        f"{DATA}/{{dataset}}/audit.passed",
    log:
        "logs/{dataset}/refuse_leakage.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    shell:
        "python -m msa refuse-leakage {input.audit:q} --output {output:q}" f" {LOGGED}"
