# Videos of one's own: each is a part of its own, so that a new one runs alone.
rule extract_video:
    input:
        video=lambda wildcards: str(video_file(wildcards)),
        transcript=transcript_of,
        weights=face_weights,
        code=closure("extract-video"),
    output:
        f"{DATA}/{{dataset}}/parts/{{video}}.npz",
    log:
        "logs/{dataset}/extract/{video}.log",
    wildcard_constraints:
        dataset=one_of(EXTRACTED),
        video="[^/]+",
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(1000),
        runtime=scaled(30),
    params:
        settings=lambda wildcards: sorted_json(recipe(wildcards).get("extract", {})),
        transcripts=lambda wildcards: flags.flag(
            "transcripts", recipe(wildcards).get("transcripts")
        ),
        weights=lambda wildcards, input: flags.flag(
            "face-weights", parent(input.weights[0]) if input.weights else None
        ),
    shell:
        "python -m msa extract-video {input.video:q} --settings {params.settings:q}"
        " {params.transcripts:q} {params.weights:q} --output {output:q}"
        f" {LOGGED}"


rule extract:
    input:
        parts=lambda wildcards: [
            f"{DATA}/{wildcards.dataset}/parts/{video}.npz"
            for video in videos_of(wildcards.dataset)
        ],
        labels=lambda wildcards: recipe(wildcards)["labels"],
        code=closure("extract"),
    output:
        sequences=expand(
            f"{DATA}/{{{{dataset}}}}/raw/{{name}}.csd",
            name=["words", "audio", "vision", "labels"],
        ),
        dropped=f"{DATA}/{{dataset}}/raw/dropped.csv",
        card=f"{DATA}/{{dataset}}/raw/card.json",
        table=f"{DATA}/{{dataset}}/raw/card.md",
    log:
        "logs/{dataset}/extract.log",
    wildcard_constraints:
        dataset=one_of(EXTRACTED),
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(1000, per_mb=3),
        runtime=scaled(15),
    params:
        settings=lambda wildcards: sorted_json(recipe(wildcards).get("extract", {})),
        targets=lambda wildcards: recipe(wildcards)["task"]["targets"],
        folder=subpath(output.card, parent=True),
    shell:
        "python -m msa extract {input.parts:q} --settings {params.settings:q}"
        " --labels {input.labels:q} --targets {params.targets:q}"
        " --output {params.folder:q}"
        f" {LOGGED}"
