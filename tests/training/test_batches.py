import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from running import run_stage
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from msa.base.errors import InputError
from msa.config.check import configure
from msa.config.settings import run_settings
from msa.data.clean import clean
from msa.models.padding import sequence
from msa.training.batches import MODALITIES, Ragged, cut, load_fold, with_lengths
from msa.training.network import build
from msa.training.run import read_lengths


@pytest.fixture
def ragged():
    rows = torch.arange(1.0, 7)[:, None].expand(6, 2)
    return rows, torch.tensor([0, 1, 4]), torch.tensor([1, 3, 2])


def test_padding_sides(ragged):
    x, mask = Ragged(*ragged, side="right").padded(torch.tensor([1, 0]))
    assert x[..., 0].tolist() == [[2, 3, 4], [1, 0, 0]]
    assert mask.tolist() == [[True] * 3, [True, False, False]]
    x, mask = Ragged(*ragged, side="left").padded(torch.tensor([2, 1]))
    assert x[..., 1].tolist() == [[0, 5, 6], [2, 3, 4]]
    assert mask.tolist() == [[False, True, True], [True] * 3]


def test_fixed_length(ragged):
    x, mask = Ragged(*ragged, side="left", fixed=5).padded(torch.tensor([0]))
    assert x.shape == (1, 5, 2)
    assert mask.tolist() == [[False] * 4 + [True]]


def test_padding_never_leaks_what_is_not_finite():
    rows = torch.tensor([[1.0], [2.0]])
    x, _ = Ragged(rows, torch.tensor([0, 1]), torch.tensor([1, 1]), fixed=3).padded(
        torch.tensor([1])
    )
    assert x[0, :, 0].tolist() == [2, 0, 0]


def test_cut_keeps_the_last_or_the_first_steps():
    offsets = np.array([0, 1, 4, 6])
    kept, counts = cut(offsets, 2, "left")
    assert kept.tolist() == [0, 2, 3, 4, 5]
    assert counts.tolist() == [1, 2, 2]
    assert cut(offsets, 2, "right")[0].tolist() == [0, 1, 2, 4, 5]
    assert cut(offsets, None, "right")[0].tolist() == list(range(6))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "clean" / "train").mkdir(parents=True)
    (tmp_path / "features").mkdir()
    offsets = np.zeros(3, dtype=[("words", "i8"), ("audio", "i8")])
    offsets["words"], offsets["audio"] = [0, 2, 3], [0, 1, 1]
    np.save(tmp_path / "train" / "offsets.npy", offsets)
    np.save(tmp_path / "train" / "ids.npy", np.array(["a[0]", "a[1]"]))
    np.save(tmp_path / "train" / "label.npy", np.array([[1.0], [-2.0]]))
    np.save(tmp_path / "clean" / "train" / "audio.npy", np.ones((1, 4), dtype=np.float32))
    np.save(tmp_path / "features" / "train.npy", np.ones((3, 5), dtype=np.float32))
    return tmp_path


SETTINGS = {
    "task": {"type": "regression"},
    "label_columns": [0],
    "forms": {"text": "features", "audio": "audio", "vision": None},
    "hyperparameters": {
        "architecture": {},
        "columns": {},
        "lengths": {"text": None, "audio": None, "vision": None},
        "sides": {"text": "right", "audio": "left", "vision": "left"},
    },
}


def load(folder, **hyper):
    settings = json.loads(json.dumps(SETTINGS))
    settings["hyperparameters"] |= hyper
    return load_fold("train", settings, folder, folder / "clean", folder / "features")


def test_a_fold_as_the_settings_want_it(folder):
    fold = load(folder)
    batch = fold.batch(torch.tensor([1, 0]))
    shapes = {name: (batch[name].rows.shape, batch[name].lengths.tolist()) for name in MODALITIES}
    assert shapes == {
        "text": ((3, 5), [1, 2]),
        "audio": ((2, 4), [1, 1]),
        "vision": ((2, 1), [1, 1]),
    }
    assert batch["label"].tolist() == [[-2], [1]]


def test_labels_of_single_modalities_are_for_a_model_that_needs_them(folder):
    """Such as SIMS's; a segment may have none, and so may new input that is predicted."""
    np.save(folder / "train/label_audio.npy", np.array([0.4, np.nan]))
    settings = SETTINGS | {"unimodal": ["audio"]}
    where = folder, folder / "clean", folder / "features"
    batch = load_fold("train", settings, *where).to(torch.device("cpu")).batch(torch.tensor([1, 0]))
    np.testing.assert_array_equal(batch["label_audio"], np.array([np.nan, 0.4], np.float32))
    assert "label_audio" not in load(folder).batch(torch.tensor([0]))
    (folder / "train/label_audio.npy").unlink()
    with pytest.raises(InputError, match=r"train/label_audio.npy: expected "):
        load_fold("train", settings, *where)
    for part in ("", "clean", "features"):
        source = folder / part / ("train.npy" if part == "features" else "train")
        source.rename(source.with_name(source.name.replace("train", "own")))
    assert not load_fold("own", settings, *where).unimodal


def test_modalities_come_in_one_order_whatever_that_of_the_settings(folder):
    """The digest of a run's data is of their arrays in that order."""
    forms = dict(reversed(SETTINGS["forms"].items()))
    fold = load_fold(
        "train", SETTINGS | {"forms": forms}, folder, folder / "clean", folder / "features"
    )
    assert [*fold.modalities] == [*load(folder).modalities] == [*MODALITIES]


def test_a_modality_that_is_missing_is_one_step_of_zeros_of_width_1(folder):
    batch = load(folder).batch(torch.tensor([0, 1]))
    assert not batch["vision"].rows.any()
    # of the second segment alone the audio is missing, which is the same
    assert batch["audio"].rows.any(1).tolist() == [True, False]
    assert batch["audio"].lengths.tolist() == [1, 1]


@pytest.mark.parametrize("padding", ["masked", "released"])
def test_a_fold_without_any_row_of_a_modality(padding, folder):
    offsets = np.load(folder / "train" / "offsets.npy")
    offsets["audio"] = 0
    np.save(folder / "train" / "offsets.npy", offsets)
    np.save(folder / "clean" / "train" / "audio.npy", np.ones((0, 4), dtype=np.float32))
    fold = load(folder, architecture={"padding": padding})
    steps = sequence(fold.batch(torch.tensor([1, 0])), "audio", padding)
    assert steps.rows.tolist() == [[0] * 4] * 2 and steps.lengths.tolist() == [1, 1]
    x, mask = replace(fold.modalities["audio"], fixed=3).padded(torch.tensor([0, 1]))
    assert (x.shape, x.any(), mask.any()) == ((2, 3, 4), False, False)


def test_released_padding_has_the_full_length(folder):
    lengths = {"text": 4, "audio": 6, "vision": 3}
    batch = load(folder, lengths=lengths, architecture={"padding": "released"}).batch(
        torch.tensor([1])
    )
    assert batch["text"].shape == (1, 4, 5)
    assert batch["audio"].shape == (1, 6, 4)


def test_a_length_of_a_share_leaves_that_share_of_training_segments_whole(folder):
    """Of 40 segments of 1 to 40 steps, 38 have at most 38: two lose 1 + 2 of 820 steps."""
    n, total = 40, 820
    offsets = np.zeros(n + 1, dtype=[("words", "i8"), ("audio", "i8")])
    offsets["words"] = np.arange(n + 1)
    offsets["audio"][1:] = np.cumsum(np.arange(n) + 1)
    np.save(folder / "train" / "offsets.npy", offsets)
    np.save(folder / "train" / "ids.npy", np.array([f"a[{i}]" for i in range(n)]))
    np.save(folder / "train" / "label.npy", np.zeros((n, 1)))
    np.save(folder / "clean" / "train" / "audio.npy", np.ones((total, 4), dtype=np.float32))
    np.save(folder / "features" / "train.npy", np.ones((n, 5), dtype=np.float32))
    settings = json.loads(json.dumps(SETTINGS)) | {"missing": ["vision"]}
    settings["hyperparameters"]["lengths"] = {"text": 3, "audio": "95%", "vision": "95%"}
    fixed = with_lengths(settings, folder)
    assert fixed["hyperparameters"]["lengths"] == {"text": 3, "audio": 38, "vision": None}
    fold = load_fold("train", fixed, folder, folder / "clean", folder / "features")
    assert fold.modalities["audio"].counts.tolist() == [*range(1, 39), 38, 38]
    read = read_lengths({"train": fold}, ["vision"])
    assert [*read] == ["text", "audio"]
    assert read["text"] == {"steps": 1, "cut_steps": {"train": 0}, "cut_segments": {"train": 0}}
    assert read["audio"]["steps"] == 38
    assert read["audio"]["cut_steps"]["train"] == pytest.approx(3 / 820)
    assert read["audio"]["cut_segments"]["train"] == 2 / 40


@pytest.fixture(scope="module")
def emotions(tmp_path_factory):
    """The folds of the demo of emotions, cleaned."""
    folder = tmp_path_factory.mktemp("emotions") / "data"
    run_stage("demo-classes", "emotion", folder)
    clean(folder, folder / "clean", "zero", [])
    return folder


@torch.no_grad()
@pytest.mark.parametrize("model", ["lmf", "nhfnet", "lmr_cbt", "glomo"])
def test_released_padding_without_a_length_is_up_to_the_longest_of_the_batch(model, emotions):
    some, found = torch.arange(6), {}
    for padding in ("masked", "released"):
        lengths = dict.fromkeys(MODALITIES)
        given = {model: {"architecture": {"padding": padding}, "lengths": lengths}}
        config = {"datasets": ["demo_emotion"], "models": [model], "seeds": [1], "settings": given}
        settings = run_settings(configure(config), "demo_emotion", model, 1)
        fold = load_fold("test", settings, emotions, emotions / "clean")
        torch.manual_seed(0)
        network = build(settings, fold).eval()
        batches = [fold.batch(some), *(fold.batch(row) for row in some.split(1))]
        outputs = [network(batch) for batch in batches]
        outputs = [of[0] if isinstance(of, tuple) else of for of in outputs]
        found[padding] = outputs[0], torch.cat(outputs[1:])
    longest = {name: int(fold.modalities[name].counts[some].max()) for name in MODALITIES}
    assert {name: batches[0][name].shape[1] for name in MODALITIES} == longest
    close = partial(torch.allclose, rtol=0, atol=1e-5)
    assert close(*found["masked"])
    # alone, a segment has no padding; beside a longer one it has, and the network sees it
    assert close(found["released"][1], found["masked"][1])
    assert not close(*found["released"])


def test_how_well_the_encoder_knows_the_words_is_what_encode_counted(folder):
    forms = {"text": None, "audio": "audio"}
    where = folder, folder / "clean", folder / "features"
    assert load_fold("train", SETTINGS, *where).known is None
    counts = {"words": 3, "pieces": 4, "unknown": 1, "many": 0}
    (folder / "features" / "pieces.json").write_text(json.dumps({"train": counts}))
    assert load_fold("train", SETTINGS, *where).known == counts
    # a run without text has no encoder
    assert load_fold("train", SETTINGS | {"forms": forms}, *where).known is None


def test_arrays_that_do_not_belong_together(folder):
    np.save(folder / "features" / "train.npy", np.ones((7, 5), dtype=np.float32))
    with pytest.raises(InputError, match=r"features/train.npy: expected 3 rows .*, got 7"):
        load(folder)


def test_a_file_that_is_not_an_array(folder):
    (folder / "train" / "label.npy").write_bytes(b"")
    with pytest.raises(InputError, match=r"train/label.npy: expected a .npy array, got: "):
        load(folder)


def test_steps_are_what_is_valid_of_the_padded(ragged):
    rows, _, _ = ragged
    some = Ragged(rows, torch.tensor([0, 1, 4, 6]), torch.tensor([1, 3, 2, 0]))
    segments = torch.tensor([2, 3, 0, 1])
    steps, (x, mask) = some.steps(segments), some.padded(segments)
    assert steps.lengths.tolist() == [2, 1, 1, 3]
    expected = [x[0, mask[0]], torch.zeros(1, 2), x[2, mask[2]], x[3, mask[3]]]
    assert torch.equal(steps.rows, torch.cat(expected))


@pytest.fixture
def tokenizer(tmp_path):
    """A fast one of five words, letter by letter."""
    backend = Tokenizer(WordPiece({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4, "c": 5}))
    backend.pre_tokenizer = Whitespace()
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=20, **names)


@pytest.mark.parametrize("padding", ["masked", "released"])
def test_beside_words_audio_and_vision_may_have_their_own_rate(folder, tokenizer, padding):
    """Of two segments of words "ab c" and "a", the first has three rows of audio."""
    np.save(folder / "train" / "words.npy", np.array([[b"ab"], [b"c"], [b"a"]]))
    offsets = np.zeros(3, dtype=[("words", "i8"), ("audio", "i8")])
    offsets["words"], offsets["audio"] = [0, 2, 3], [0, 3, 3]
    np.save(folder / "train" / "offsets.npy", offsets)
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(folder / "clean" / "train" / "audio.npy", rows)
    settings = json.loads(json.dumps(SETTINGS)) | {"alignment": "either"}
    settings["forms"]["text"] = "words"
    settings["hyperparameters"] |= {"architecture": {"padding": padding}, "word_map": "words"}
    settings["hyperparameters"]["lengths"] |= {"text": 9, "audio": 2 if padding == "masked" else 5}
    fold = load_fold("train", settings, folder, folder / "clean", tokenizer=tokenizer)
    batch = fold.to(torch.device("cpu")).batch(torch.tensor([1, 0]))
    assert batch["segments"].tolist() == [1, 0]
    assert batch["attention_mask"].sum(1).tolist() == [3, 5]
    assert batch["input_ids"][1][:5].tolist() == [1, 3, 4, 5, 2]
    if padding == "masked":
        # the last two rows, for audio is kept from its end; one of zeros where there are none
        assert batch["audio"].lengths.tolist() == [1, 2]
        assert batch["audio"].rows.tolist() == [[0] * 4, *rows[1:].tolist()]
        assert batch["vision"].rows.tolist() == [[0], [0]]
    else:
        assert batch["audio"].shape == (2, 5, 4)
        assert batch["audio_mask"].sum(1).tolist() == [0, 3]
        assert batch["audio"][1, 2:].tolist() == rows.tolist()


@pytest.fixture
def spoken(folder):
    """Two segments of the words "ab c" and "a", and what reads them."""
    np.save(folder / "train" / "words.npy", np.array([[b"ab"], [b"c"], [b"a"]]))
    offsets = np.zeros(3, dtype=[("words", "i8"), ("audio", "i8")])
    offsets["words"], offsets["audio"] = [0, 2, 3], [0, 2, 3]
    np.save(folder / "train" / "offsets.npy", offsets)
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(folder / "clean" / "train" / "audio.npy", rows)
    settings = json.loads(json.dumps(SETTINGS))
    settings["forms"]["text"] = "words"
    settings["hyperparameters"] |= {"word_map": "words"}
    return folder, settings


def test_features_of_humor_are_for_a_model_that_names_them(spoken, tokenizer):
    """They are copied to the pieces as audio is; to other models they are not there."""
    folder, settings = spoken
    where = folder, folder / "clean", None, tokenizer
    named = settings | {"forms": settings["forms"] | {"hcf": "hcf"}}
    with pytest.raises(InputError, match=r"offsets.npy: expected .*hcf"):
        load_fold("train", named, *where)
    without = load_fold("train", settings, *where).batch(torch.tensor([0, 1]))

    old = np.load(folder / "train" / "offsets.npy")
    offsets = np.zeros(3, dtype=[*((name, "i8") for name in old.dtype.names), ("hcf", "i8")])
    for name in offsets.dtype.names:
        offsets[name] = old["words"]
    np.save(folder / "train" / "offsets.npy", offsets)
    rows = np.array([[0.5, 1], [2, 3], [4, 5]], np.float32)
    np.save(folder / "clean" / "train" / "hcf.npy", rows)
    batch = load_fold("train", named, *where).batch(torch.tensor([0, 1]))
    assert batch["hcf"][0].tolist() == [[0, 0], [0.5, 1], [0.5, 1], [2, 3], [0, 0]]
    again = load_fold("train", settings, *where).batch(torch.tensor([0, 1]))
    assert [*again] == [*without] == [key for key in batch if not key.startswith("hcf")]
    assert all(torch.equal(again[key], without[key]) for key in again)


def load_context(spoken, tokenizer, context, length=None):
    folder, settings = spoken
    settings["hyperparameters"] |= {"context": context}
    settings["hyperparameters"]["lengths"]["text"] = length
    return load_fold("train", settings, folder, folder / "clean", tokenizer=tokenizer)


def test_the_utterances_before_are_a_first_segment(spoken, tokenizer):
    """Their words have their own rows of audio; without any before it a segment has [SEP] twice."""
    batch = load_context(spoken, tokenizer, 1).batch(torch.tensor([1, 0]))
    assert batch["input_ids"].tolist() == [[1, 3, 4, 5, 2, 3, 2], [1, 2, 3, 4, 5, 2, 2]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1, 0]]
    assert batch["attention_mask"].sum(1).tolist() == [7, 6]
    assert batch["audio"][0, :, 0].tolist() == [0, 0, 0, 4, 0, 8, 0]
    assert batch["audio"][0, 1].tolist() == [0, 1, 2, 3]
    none = load_context(spoken, tokenizer, 0).batch(torch.tensor([1, 0]))
    assert none["input_ids"].tolist() == [[1, 3, 2, 2, 2], [1, 3, 4, 5, 2]]
    assert not none["token_type_ids"].any()


def test_what_is_too_long_loses_the_first_of_the_context(spoken, tokenizer):
    batch = load_context(spoken, tokenizer, 1, 5).batch(torch.tensor([1]))
    assert batch["input_ids"].tolist() == [[1, 5, 2, 3, 2]]
    folder, settings = spoken
    settings["hyperparameters"]["lengths"]["text"] = "95%"
    made = with_lengths(settings, folder, tokenizer)
    assert made["hyperparameters"]["lengths"]["text"] == 7


def test_a_context_where_there_is_one_or_no_video(spoken, tokenizer):
    np.save(spoken[0] / "train" / "context.npy", np.array([1, 0]))
    with pytest.raises(InputError, match=r"a data set without a context of its own.*context.npy"):
        load_context(spoken, tokenizer, 1)
    assert len(load_context(spoken, tokenizer, 0)) == 2
    (spoken[0] / "train" / "context.npy").unlink()
    np.save(spoken[0] / "train" / "ids.npy", np.array(["train/0", "train/1"]))
    with pytest.raises(InputError, match=r"context: expected ids video\[i\].*got 'train/0'"):
        load_context(spoken, tokenizer, 1)


def test_runs_of_an_earlier_version_have_no_context(spoken, tokenizer):
    folder, settings = spoken
    fold = load_fold("train", settings, folder, folder / "clean", tokenizer=tokenizer)
    assert fold.modalities["text"].counts.tolist() == [5, 3]
