"""What several rules ask of runs, by wildcards; no rules here."""

@cache
def run_settings(dataset, model, seed, target, without=None):
    """Everything a run may depend on, but for the data; refuses what does not fit."""
    checked(fits.require, CONFIG, dataset, model, without)
    return checked(
        settings.run_settings, CONFIG, dataset, model, int(seed), target, without
    )


def settings_of(wildcards):
    _, _, without = wildcards.get("variant", "").partition("no-")
    return run_settings(
        wildcards.dataset,
        wildcards.model,
        wildcards.get("seed", CONFIG.values["seeds"][0]),
        wildcards.target,
        without or None,
    )


def checkpoint_of(wildcards):
    return sources.Source(settings_of(wildcards)["hyperparameters"]["checkpoint"])


def threads_of(wildcards):
    return settings_of(wildcards)["hyperparameters"]["threads"]


def run_data(wildcards):
    """What a run reads, by the flag that names its folder, and the checks of where it is from."""
    inputs = paths.run_inputs(CONFIG, settings_of(wildcards))
    if "encoder" in inputs:
        inputs["encoder"] = encoder_folder(wildcards)
    if inputs.keys() & {"encoder", "features"}:
        inputs["encoder_checks"] = encoder_checks(wildcards)
    return inputs | {"checks": checks(wildcards), "passed": passed(wildcards)}


def data_flags(wildcards):
    """The same as command-line flags."""
    return flags.run_flags(CONFIG, settings_of(wildcards))


def without_epochs(wildcards):
    """Whether a run is none of our trainings, and has no epochs."""
    return wildcards.variant == "released" or wildcards.dataset in CROSSED


def of_seeds(path):
    """A file of the runs of all seeds."""
    return expand(f"{RUN}/{path}", seed=CONFIG.values["seeds"], allow_missing=True)


def runs(path, variant=None):
    """A file of every run behind a result; the variant may stand in the output's name."""

    def files(wildcards):
        name = variant or wildcards.get("variant")
        return checked(
            paths.run_files, CONFIG, path, wildcards.dataset, wildcards.model, name
        )

    return files


def first_run(wildcards):
    """The first of a model's runs, as the wildcards of its folder."""
    run = checked(paths.first_run, CONFIG, wildcards.dataset, wildcards.model)
    return type(wildcards)(fromdict=run)


def results(wildcards):
    """The results that a data set's leaderboard shows."""
    return paths.result_files(CONFIG, wildcards.dataset)


def all_runs(path):
    """A file of every run behind a data set's leaderboard."""
    return lambda wildcards: checked(
        paths.leaderboard_files, CONFIG, path, wildcards.dataset
    )


def trials(wildcards):
    """The files of all trials of a search, for one target or for all."""
    return checked(
        paths.trial_files,
        CONFIG,
        wildcards.dataset,
        wildcards.model,
        wildcards.get("target"),
    )


def studies_of_all():
    """Every study that the configuration asks for."""
    return [
        path
        for dataset in CONFIG.values["datasets"]
        for path in paths.study_files(CONFIG, dataset)
    ]


def ridge_run(wildcards):
    """The first run of ridge on a data set, as the wildcards of its folder."""
    run = checked(paths.first_run, CONFIG, wildcards.dataset, "ridge")
    return type(wildcards)(fromdict=run)


def probes(wildcards):
    """What the linear probes of a data set leave, where it has some."""
    return paths.probe_files(CONFIG, wildcards.dataset)


def kept_epochs(wildcards):
    """The predictions of every epoch of all runs behind a data set's leaderboard; where they have none, nothing."""
    if wildcards.dataset in CROSSED:
        return []
    files = all_runs("epochs.npz")(wildcards)
    return [path for path in files if Path(path).parts[-4] != "released"]
