import pytest

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.paths import study_files
from msa.config.transfer import required_tests

BASE = {"datasets": ["mosei"], "models": ["cm_bert", "lmf"], "seeds": [1]}


def asked(**transfer):
    return BASE | {"transfer": {"train": "mosei"} | transfer}


def refusal(config):
    with pytest.raises(InputError) as caught:
        configure(config)
    return str(caught.value)


@pytest.mark.parametrize(
    ("test", "models", "expected"),
    [
        ("mosi", ["lmf"], "vision is FACET 4.2 (35) in mosei, FACET 4.1 (47) in mosi"),
        ("mosei_mag", ["lmf"], "it reads text as glove, mosei_mag has words, features"),
        ("demo", ["cm_bert"], "the encoder is bert-base-uncased@"),
        ("mosei_unaligned", ["lmf"], "a sequence is of one row a word in mosei, of its own rows"),
        ("pom", ["lmf"], "the task's range is [-3, 3] in mosei, [1, 7] in pom; pom has no target"),
        ("iemocap_lmf", ["lmf"], "the task's type is regression in mosei, binary in iemocap_lmf"),
    ],
)
def test_what_differs_is_refused(test, models, expected):
    said = refusal(asked(test=[test], models=models))
    assert f"{models[0]}, trained on mosei, cannot be scored on {test}: " in said
    assert expected in said and "the configuration has a problem" in said


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        ({"test": ["mosy"]}, 'transfer: unknown data set "mosy"; did you mean "mosi"?'),
        ({"test": ["mosei"]}, "transfer: test: mosei is what the models are trained on"),
        ({"train": "mosi", "test": ["pom"]}, "one of the configured `datasets`, mosei, got mosi"),
        ({"test": ["mosei_mag"], "models": ["lfm", "cm_bert"]}, '"lfm"; did you mean "lmf"?'),
        ({"tests": ["mosi"]}, "tests"),
        ({"test": []}, "test"),
    ],
)
def test_what_cannot_be_meant(transfer, expected):
    assert expected in refusal(asked(**transfer))


def test_the_models_that_fit_have_a_table():
    config = configure(asked(test=["mosei_mag"], models=["cm_bert"]))
    tables = [path for path in study_files(config, "mosei") if "transfer" in path]
    assert tables == ["results/mosei/cm_bert.transfer.csv"]
    assert required_tests(config, "mosei", "cm_bert") == ["mosei_mag"]
    # asked for by its name, another one is refused
    with pytest.raises(InputError, match="it reads text as glove"):
        required_tests(config, "mosei", "lmf")
    with pytest.raises(InputError, match="no `transfer` in the configuration"):
        required_tests(configure(BASE), "mosei", "lmf")
