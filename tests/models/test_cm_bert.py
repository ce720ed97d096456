"""CM-BERT: the audio that has no part, groups."""

import torch
from making import collate, make, make_rows
from torch import Tensor


def make_batch(side: str = "right", extra: int = 0) -> dict[str, Tensor]:
    """Rows of 2, 7, 4, 1 and 5 pieces; audio is zero at [CLS] and [SEP]."""
    rows = make_rows("cm_bert", [2, 7, 4, 1, 5])
    for row in rows:
        row["audio"][[0, -1]] = 0
    return collate(rows, side, extra)


def test_audio_has_no_part_as_published() -> None:
    """With zeros at [CLS] audio changes nothing and learns nothing; with the mean it does both."""
    for cls_audio, live in (("zero", False), ("mean", True)):
        model, batch = make("cm_bert", output_dim=1, cls_audio=cls_audio).eval(), make_batch()
        output = model(batch)
        output.sum().backward()
        gradients = (model.fusion.proj_a.weight.grad, model.fusion.audio_weight_1.grad)
        other = model({**batch, "audio": 3 * batch["audio"].flip(2)})
        assert [bool(x.abs().max() > 1e-6) for x in gradients] == [live, live]
        # rows of one and two pieces have no words
        assert ((other - output).abs() > 1e-6).flatten().tolist() == [
            False,
            live,
            live,
            False,
            live,
        ]


def test_cls_gets_the_average_of_the_words() -> None:
    """[CLS] and [SEP] are not words."""
    model, batch, seen = make("cm_bert", cls_audio="mean").eval(), make_batch("left", 2), []
    model.fusion.register_forward_hook(lambda module, args, output: seen.append(args[1]))
    model(batch)
    audio = seen[0][1]
    torch.testing.assert_close(audio[0], audio[1:6].mean(0))
    assert not audio[6:].any()


def test_groups() -> None:
    """The fusion block has its own rate, embeddings are in no group."""
    model = make("cm_bert")
    names = {id(p): name for name, p in model.named_parameters()}
    found: dict[str, tuple[float, float]] = {}
    for group in model.parameter_groups():
        found |= {names[id(p)]: (group["lr"], group["weight_decay"]) for p in group["params"]}
    assert found["fusion.dense.weight"] == (0.01, 0.01)
    assert found["fusion.LayerNorm1.weight"] == found["fusion.bias"] == (0.01, 0.0)
    assert found["bert.encoder.layer.0.output.dense.weight"] == (2e-5, 0.01)
    assert found["bert.encoder.layer.0.output.LayerNorm.weight"] == (2e-5, 0.0)
    assert found["classifier.bias"] == (2e-5, 0.0)
    frozen = set(names.values()) - set(found)
    assert frozen == {name for name in names.values() if name.startswith("bert.embeddings.")}
    thawed = make("cm_bert", freeze_embeddings=False).parameter_groups()
    assert sum(len(group["params"]) for group in thawed) == len(names)


def test_a_frozen_classifier_is_not_trained() -> None:
    """As in the script it gets no gradient and is in no group; what lies below it learns."""
    for classifier in ("trained", "frozen"):
        model = make("cm_bert", classifier=classifier).train()
        model(make_batch()).sum().backward()
        groups = {id(p) for group in model.parameter_groups() for p in group["params"]}
        for parameter in model.classifier.parameters():
            found = (parameter.grad is not None, id(parameter) in groups)
            assert found == (classifier == "trained",) * 2
        assert model.fusion.dense.weight.grad.abs().max() > 0
