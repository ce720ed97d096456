"""What several rules ask of the files of a data set, and of their checks; no rules here."""

from msa.fetch.check import look


def source_input(source):
    """A file as a rule's input; whether it is another one now is for its check to say."""
    return ancient(source.path) if source.kind in sources.CHECKED else source.path


def source_files(wildcards):
    """The files that a data set is made from, by the part they play or by name."""
    files = sources.data_sources(CONFIG, wildcards.dataset)
    return {name: source_input(source) for name, source in files.items()}


def folds_file(wildcards):
    return source_input(sources.folds_source(CONFIG, wildcards.dataset))


def encoder_folder(wildcards):
    return source_input(sources.encoder_source(CONFIG, wildcards.dataset))


@cache
def look_at(path):
    """What is known of a file before its check."""
    source = CHECKED[path]
    lock = sources.lock_file(CONFIG, source)
    return look(
        Path(source.path),
        Path(f"{path}.sha256"),
        Path(f"{path}.seen"),
        source.sha256,
        lock and Path(lock),
    )


def checks_of(*files):
    """The checksums of files once they are right; all that follows from the files waits for them."""
    paths = [
        sources.checked_file(CONFIG, source)
        for source in files
        if source.kind in sources.CHECKED
    ]
    return [
        ancient(f"{path}.sha256") if look_at(path).same else f"{path}.sha256"
        for path in paths
    ]


def checks(wildcards):
    return checks_of(*sources.dataset_sources(CONFIG, wildcards.dataset))


def encoder_checks(wildcards):
    return checks_of(sources.encoder_source(CONFIG, wildcards.dataset))


def speakers_file(wildcards):
    """The user's table of speakers, where there is one."""
    return [
        source_input(source)
        for source in sources.speaker_sources(CONFIG, wildcards.dataset)
    ]


def times_files(wildcards):
    """What says when segments start and end: the aligned segments, or the user's table of them."""
    whole = folds.whole(CONFIG, wildcards.dataset)
    if whole in ALIGNED:
        return [f"{DATA}/{whole}/aligned"]
    if recipe(wildcards).get("import") != "table":
        return []
    files = sources.data_sources(CONFIG, wildcards.dataset).values()
    return [
        source_input(file) for file in files if file.path.endswith((".csv", ".tsv"))
    ]


def passed(wildcards):
    """With `audit: strict`, the word that nothing leaks. What is made already waits for no new one."""
    strict = recipe(wildcards).get("audit") == "strict"
    return ancient(f"{DATA}/{wildcards.dataset}/audit.passed") if strict else []


def dealing_speakers(wildcards):
    """The same, where a cross-validation is by speakers."""
    by = recipe(wildcards)["folds"].get("by")
    return speakers_file(wildcards) if by == "speaker" else []


def cutting_folder(wildcards):
    """The encoder that cuts text without spaces, where one does."""
    cuts = encoders.cutting_encoder(CONFIG, wildcards.dataset)
    return encoder_folder(wildcards) if cuts else []


def cutting_checks(wildcards):
    cuts = encoders.cutting_encoder(CONFIG, wildcards.dataset)
    return encoder_checks(wildcards) if cuts else []


def checked_file(wildcards):
    return f"{DATA}/{wildcards.owner}/checked/{wildcards.file}"


def undealt(wildcards):
    """What a deal is made of: the aligned segments, or the folds as they were imported."""
    whole = folds.whole(CONFIG, wildcards.dataset)
    names = ["aligned"] if whole in ALIGNED else [*FOLDS, "card.json"]
    return [f"{DATA}/{whole}/{name}" for name in names]


def first_deal(wildcards):
    """The first deal of a cross-validation, asked by its whole or by any deal."""
    return folds.deals(CONFIG, folds.whole(CONFIG, wildcards.dataset))[0]


def cards(wildcards):
    """The data card; of a cross-validation those of all deals."""
    names = folds.deals(CONFIG, wildcards.dataset) or [wildcards.dataset]
    return [f"{DATA}/{name}/card.json" for name in names]


def raw_file(wildcards):
    return f"{DATA}/{wildcards.dataset}/raw/{wildcards.file}"


def tests_of(wildcards):
    """The data sets on which a model that is trained on another one is scored."""
    return checked(transfer.required_tests, CONFIG, wildcards.dataset, wildcards.model)


def transfer_data(wildcards):
    """What the scoring of a model on another data set reads."""
    inputs = transfer.transfer_inputs(
        CONFIG, wildcards.dataset, wildcards.model, wildcards.test
    )
    return inputs | (
        {"encoder": encoder_folder(wildcards)} if "encoder" in inputs else {}
    )
