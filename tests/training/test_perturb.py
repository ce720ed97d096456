import numpy as np
import pytest
import torch
from making import fp32, make, make_fold
from torch import nn

from msa.models.baselines import Ridge
from msa.training.batches import Fold, Ragged
from msa.training.network import predictions
from msa.training.perturb import ALL, Condition, Reference, conditions, perturbed, read_references

SEED = (0, 1)
FOLD = make_fold(30, 3)
REFERENCES = {
    name: Reference(torch.full((ragged.width,), -7.0), torch.arange(1.0, ragged.width + 1))
    for name, ragged in FOLD.modalities.items()
}


def rows(kind, modality, level, name=None, seed=SEED):
    fold = perturbed(FOLD, Condition(kind, modality, level), REFERENCES, seed)
    return fold.modalities[name or modality].rows


def lost(level, **options):
    return (rows("missing-frames", "audio", level, **options) == -7).all(1)


def ridge():
    network = Ridge(text_dim=4, audio_dim=3, vision_dim=2, output_dim=1)
    nn.init.normal_(network.weight, generator=torch.Generator().manual_seed(0))
    return network


@pytest.mark.parametrize("kind", ["missing-frames", "noise"])
@pytest.mark.parametrize("modality", ["text", "audio", "vision", ALL])
def test_level_0_is_the_clean_input(kind, modality):
    fold = perturbed(FOLD, Condition(kind, modality, 0.0), REFERENCES, SEED)
    clean = predictions(ridge(), FOLD, fp32(8))
    assert torch.equal(predictions(ridge(), fold, fp32(8)), clean)


def test_all_frames_missing_are_a_missing_modality():
    assert torch.equal(rows("missing-frames", "audio", 1.0), rows("missing-modality", "audio", 1.0))
    assert lost(1.0).all()


def test_the_share_is_met_and_what_is_missing_stays_so():
    shares = [lost(level).float().mean().item() for level in (0.25, 0.5, 0.75)]
    assert shares == pytest.approx([0.25, 0.5, 0.75], abs=0.12)
    assert (lost(0.5) | ~lost(0.25)).all() and (lost(0.75) | ~lost(0.5)).all()
    # what is there is unchanged
    kept = ~lost(0.5)
    clean = FOLD.modalities["audio"].rows
    assert torch.equal(rows("missing-frames", "audio", 0.5)[kept], clean[kept])


@pytest.mark.parametrize("kind", ["missing-frames", "noise"])
def test_the_seed_alone_decides(kind):
    first = rows(kind, "audio", 0.5)
    assert torch.equal(first, rows(kind, "audio", 0.5))
    assert not torch.equal(first, rows(kind, "audio", 0.5, seed=(1, 1)))
    assert not torch.equal(first, rows(kind, "audio", 0.5, seed=(0, 2)))


def test_noise_is_in_deviations_of_the_columns():
    noise = rows("noise", "text", 1.0) - FOLD.modalities["text"].rows
    assert noise.std(0).tolist() == pytest.approx([1, 2, 3, 4], rel=0.25)
    twice = rows("noise", "text", 2.0) - FOLD.modalities["text"].rows
    torch.testing.assert_close(twice, 2 * noise, rtol=1e-4, atol=1e-4)


def test_the_other_modalities_stay_and_all_is_all():
    for name in ("text", "vision"):
        assert torch.equal(rows("missing-modality", "audio", 1.0, name), FOLD.modalities[name].rows)
    for name in FOLD.modalities:
        assert torch.equal(
            rows("missing-frames", ALL, 0.5, name), rows("missing-frames", name, 0.5)
        )


def test_a_model_that_ignores_audio_is_unchanged_by_it():
    network = ridge()
    network.weight[:, 4:7] = 0
    clean = predictions(network, FOLD, fp32(8))
    for kind, modality in (("noise", "audio"), ("missing-modality", "audio"), ("noise", "text")):
        fold = perturbed(FOLD, Condition(kind, modality, 1.0), REFERENCES, SEED)
        same = torch.equal(predictions(network, fold, fp32(8)), clean)
        assert same == (modality == "audio"), (kind, modality)


def pieces_fold():
    """Two segments, [CLS] word word [SEP] with three pieces of the first word, and audio."""
    ids = torch.tensor([2, 5, 6, 7, 8, 3, 2, 5, 6, 7, 8, 3])
    words = torch.tensor([-1, 0, 0, 0, 1, -1, -1, 2, 2, 2, 3, -1])
    counts = torch.tensor([6, 6])
    text = Ragged(torch.stack([ids, torch.zeros(12, dtype=torch.long)], 1), counts - 6, counts)
    begins = torch.tensor([0, 6])
    text = Ragged(text.rows, begins, counts)
    audio = Ragged(torch.arange(12.0).reshape(4, 3), begins, counts, index=words)
    return Fold(
        np.array(["a", "b"]), torch.zeros(2, 1), {"text": text, "audio": audio}, 0, 1, words
    )


def test_missing_words_are_unknown_pieces():
    fold = pieces_fold()
    settings = {"forms": {"text": "words", "audio": None, "vision": None}}
    references = read_references(fold, settings, None)
    missing = perturbed(fold, Condition("missing-modality", "text", 1.0), references, SEED)
    expected = [2, 1, 1, 1, 1, 3]
    assert missing.modalities["text"].rows[:, 0].tolist() == expected * 2
    batch = missing.batch(torch.arange(2))
    assert batch["input_ids"].tolist() == [expected] * 2
    assert batch["token_type_ids"].sum() == 0
    # a word is lost whole
    some = perturbed(fold, Condition("missing-frames", "text", 0.5), references, (0, 3))
    gone = (some.modalities["text"].rows[:, 0] == 1).tolist()
    assert gone[1] == gone[2] == gone[3] and gone[7] == gone[8] == gone[9]
    assert 0 < sum(gone) < 8


def test_a_bert_model_that_ignores_audio_and_one_that_does_not():
    fold = pieces_fold()
    references = {"audio": Reference(torch.full((3,), -7.0), torch.ones(3))}
    noisy = perturbed(fold, Condition("noise", "audio", 1.0), references, SEED)
    for name, same in (("cm_bert", True), ("cm_bert_mean", False)):
        network = make(name).float()
        outputs = [predictions(network, of, fp32(2)) for of in (fold, noisy)]
        assert torch.equal(*outputs) == same


def test_conditions():
    words = {"text": Reference(torch.tensor([1]), None), "audio": REFERENCES["audio"]}
    assert conditions(words, [0.5], [1, 2]) == [
        ("missing-modality", "text", 1),
        ("missing-modality", "audio", 1),
        ("missing-frames", "text", 0.5),
        ("missing-frames", "audio", 0.5),
        ("missing-frames", ALL, 0.5),
        ("noise", "audio", 1),
        ("noise", "audio", 2),
    ]
    assert conditions(words, [], []) == conditions(words, [0.5], [1])[:2]
    assert conditions({}, [0.5], [1]) == []
