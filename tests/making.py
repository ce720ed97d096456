"""Tiny models with random weights, and batches for them.

A new model joins by one entry of CASES; `tests/models/test_every_model.py` then asks of it what it
asks of every model.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from msa.models import model_class
from msa.training.batches import Fold, Ragged

torch.set_num_threads(1)

WIDTHS = {"text": 6, "audio": 3, "vision": 4}
STEPS = [(1, 2, 3), (5, 1, 2), (4, 8, 1), (2, 3, 7)]  # as WIDTHS; also shorter than a kernel
PIECES = [2, 7, 4, 1, 5]
BESIDE = [(2, 1, 3), (7, 2, 1), (4, 5, 2), (1, 3, 4), (5, 1, 2)]  # pieces, audio, vision
PADDED_WITH = {"input_ids": 29, "token_type_ids": 0}
LMF_WITHOUT_DROPOUT = dict.fromkeys(("text_dropout", "audio_dropout", "vision_dropout"), 0.0)


def fp32(batch_size: int) -> dict[str, Any]:
    """The hyperparameters that an evaluation reads."""
    return {"batch_size": batch_size, "precision": "fp32"}


@dataclass(frozen=True)
class Case:
    """A model of the registry, with some of its keywords.

    Attributes:
        model: name in the registry.
        keywords: of the constructor, besides widths and `bert`.
        widths: features of each sequence in the batch.
        bert: the text is pieces; audio and vision are as long as it is, unless `steps` says.
        steps: of the rows; of pieces and sequences where these have their own; None is the usual.
        terms: names of the losses that come with the prediction.
        sees_padding: the released way sees the padding behind a segment.
        choices: keywords of few values, and these.
        shapes: of two keys of the state dict.
        renamed: our parts of the key names, and the authors'.
        unused: released keys that the model has no use for.
    """

    model: str
    keywords: dict[str, Any]
    widths: dict[str, int] = field(default_factory=lambda: WIDTHS)
    bert: bool = False
    steps: Sequence[int | tuple[int, ...]] | None = None
    terms: tuple[str, ...] = ()
    sees_padding: bool = True
    choices: dict[str, str] = field(default_factory=lambda: {"padding": "masked, released"})
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


LMF = Case(
    "lmf",
    {"text_hidden": 8, "audio_hidden": 5, "vision_hidden": 4, "rank": 3},
    shapes={"fusion_bias": (1, 2), "fusion_weights": (1, 3)},
)
NHFNET = Case(
    "nhfnet",
    {"d_model": 8, "heads": 2, "layers": 2, "text_hidden": 5, "bottleneck_tokens": 3},
    shapes={"layer_norm.bias": (8,), "text_model.0.weight_hh_l0": (20, 5)},
    renamed={"classification.": "classifcation."},
    unused=(
        "classifcation.layers.0.mem_proj.0.weight",
        "cross_transformer.layers.1.att_proj.0.bias",
    ),
)
LMR_CBT = Case(
    "lmr_cbt",
    {"d_model": 8, "heads": 2, "layers": 2},
    choices={"padding": "masked, released", "recurrence": "time, batch"},
    shapes={"bn_l.bias": (8,), "proj_a.weight": (8, 3, 3)},
    renamed={"cross_v.": "cross_v.0.", "cross_a.": "cross_a.0."},
    unused=("cross_a.0.attn_weight_affine.bias",),
)
GLOMO = Case(
    "glomo",
    {"d_model": 8, "heads": 2, "layers": 1},
    terms=("experts",),
    shapes={"fc_all.bias": (8,), "moe_t.w_gate": (24, 3)},
    renamed={"attention_mlp.": "attention_mlp.attention_mlp."},
)
CM_BERT = Case(
    "cm_bert",
    {"projection_dim": 4},
    widths={"audio": 3},
    bert=True,
    choices={
        "padding": "masked, released",
        "text_scale": "sample, batch",
        "cls_audio": "zero, mean",
        "classifier": "trained, frozen",
    },
    shapes={"classifier.bias": (2,), "fusion.proj_a.weight": (4, 3, 1)},
    renamed={"fusion.": "BertFinetun."},
    unused=("bert.pooler.dense.bias",),
)
MULT = Case(
    "mult",
    {"d_model": 8, "heads": 2, "layers": 2, "text_kernel": 3, "vision_kernel": 2},
    choices={"padding": "masked, released", "streams": "all, text, audio, vision"},
    shapes={"proj2.bias": (48,), "trans_l_mem.layer_norm.weight": (16,)},
)
LMF_MULT = Case(
    "lmf_mult",
    {"d_model": 8, "heads": 2, "layers": 2, "lstm_hidden": 5, "rank": 3, "fusion_dim": 6},
    choices={"padding": "masked, released", "variant": "lmf_mult, fusion_cm_attn"},
    shapes={"factor_a": (3, 6, 6), "trans_f_with_v.layer_norm.bias": (8,)},
)
PMR = Case(
    "pmr",
    {
        "d_model": 8,
        "heads": 2,
        "layers": 2,
        "text_kernel": 2,
        "audio_kernel": 3,
        "text_length": 12,
        "audio_length": 13,
        "vision_length": 14,
    },
    choices={"padding": "masked, released", "message_update": "per_sample, released"},
    shapes={"out_layer.bias": (2,), "message_update.1.trans_proj.weight": (1, 8)},
)
TFN = Case(
    "tfn",
    {"text_hidden": 8, "audio_hidden": 5, "vision_hidden": 4, "text_out": 6, "post_fusion": 7},
    shapes={"post_fusion_layer_2.bias": (7,), "text_subnet.linear_1.weight": (6, 8)},
    unused=("output_range", "output_shift"),
)
DLF = Case(
    "dlf",
    {
        "d_model": 8,
        "heads": 2,
        "text_kernel": 2,
        "vision_kernel": 3,
        "audio_kernel": 1,
        "text_length": 6,
        "audio_length": 5,
        "vision_length": 7,
    },
    widths={"audio": 3, "vision": 4},
    bert=True,
    steps=BESIDE,
    shapes={"heads.shared.linear_2.bias": (24,), "apart.align.vision.weight": (8, 40)},
    renamed={
        "bert.": "text_model.model.",
        "apart.encoder_shared.": "encoder_c.",
        "projector.shared.": "projector_c.",
        **{
            f"{ours}.{name}.": f"{theirs}_{name[0].replace('t', 'l')}."
            for name in WIDTHS
            for ours, theirs in {
                "apart.proj": "proj",
                "apart.encoder_own": "encoder_s",
                "apart.decoder": "decoder",
                "apart.align": "align_c",
                "shared_memory": "self_attentions_c",
                "projector": "projector",
            }.items()
        },
        **{f"crossing.{name}.": f"trans_l_with_{name[0]}." for name in ("audio", "vision")},
        **{f"memory.{name}.": f"trans_{name[0].replace('t', 'l')}_mem." for name in WIDTHS},
        **{
            f"heads.{name}.{ours}.": f"{theirs}{suffix}."
            for ours, theirs in {
                "linear_1": "proj1",
                "linear_2": "proj2",
                "output": "out_layer",
            }.items()
            for name, suffix in {
                "text": "_l_high",
                "audio": "_a_high",
                "vision": "_v_high",
                "shared": "_c",
                "fusion": "",
            }.items()
        },
    },
    unused=("text_model.model.pooler.dense.bias", "proj1_l_low.bias", "trans_v_with_a.layer_norm"),
)
LF_LSTM = Case(
    "lf_lstm",
    {},
    steps=[(1, 2, 3), (5, 1, 2), (4, 3, 1), (2, 4, 4)],
    shapes={"fc1.bias": (9,), "text_rnn.norm.weight": (18,)},
    renamed={
        f"{name}_rnn.{ours}.": f"{name[0]}{theirs}."
        for name in WIDTHS
        for ours, theirs in (("first", "rnn1"), ("second", "rnn2"), ("norm", "layer_norm"))
    },
)
MISA_NAMES = {
    "shared.0.": "shared.shared_1.",
    "fusion.0.": "fusion.fusion_layer_1.",
    "fusion.3.": "fusion.fusion_layer_3.",
    "private_t.0.": "private_t.private_t_1.",
    "private_v.0.": "private_v.private_v_1.",
    "private_a.0.": "private_a.private_a_3.",
}
for m in "tva":
    MISA_NAMES |= {
        f"project_{m}.0.": f"project_{m}.project_{m}.",
        f"project_{m}.2.": f"project_{m}.project_{m}_layer_norm.",
        f"recon_{m}.": f"recon_{m}.recon_{m}_1.",
    }
MISA = Case(
    "misa",
    {"d_model": 8},
    terms=("diff", "sim", "recon"),
    choices={
        "padding": "masked, released",
        "text_length": "all, words",
        "similarity": "cmd, domain",
        "activation": "relu, tanh",
        "frozen": "none, layers 0-8, all",
    },
    steps=LF_LSTM.steps,
    shapes={"fusion.3.bias": (2,), "private_t.0.weight": (8, 8)},
    renamed=MISA_NAMES | LF_LSTM.renamed,
    unused=("sp_discriminator.sp_discriminator_layer_1.bias",),
)
HKT = Case(
    "hkt",
    {"audio_layers": 2, "vision_layers": 1, "hcf_layers": 1, "positions": 16, "fusion_dim": 7},
    widths={"audio": 3, "vision": 4, "hcf": 4},
    bert=True,
    choices={
        "padding": "masked, released",
        "special_steps": "masked, released",
        "streams": "all, audio, vision, hcf",
        "init": "random, unimodal",
        "logits": "each, one",
    },
    shapes={"fc.3.bias": (2,), "cross.src_cross_attention.key.weight": (16, 7)},
    renamed={
        "bert.": "text_model.",
        "encoders.audio.": "acoustic_model.",
        "encoders.vision.": "visual_model.",
        "encoders.hcf.": "hcf_model.",
        "layers.": "encoder.layers.",
        "cross.": "L_AV.",
    },
    unused=("text_model.pooler.bias",),
)
MAG_BERT = Case(
    "mag_bert",
    {},
    widths={"audio": 3, "vision": 4},
    bert=True,
    sees_padding=False,
    shapes={"classifier.bias": (2,), "gate.W_hv.weight": (12, 16)},
    renamed={"gate.": "bert.MAG.", "pooler.": "bert.pooler."},
)
CENET = Case(
    "cenet",
    {},
    widths={"audio": 3, "vision": 4},
    bert=True,
    steps=BESIDE,
    shapes={"classifier.out_proj.bias": (2,), "enhancement.ha.Wq.weight": (12, 12)},
    renamed={
        "bert.": "Model.bert.",
        "enhancement.": "Model.bert.encoder.CE.",
        "classifier.": "Model.classifier.",
    },
    unused=("Model.bert.pooler.dense.bias", "Model.bert.embeddings.senti_embeddings.weight"),
)
ALMT = Case(
    "almt",
    {
        "text_length": 16,
        "audio_length": 16,
        "vision_length": 16,
        "d_model": 8,
        "tokens": 3,
        "kept": 2,
        "proj_heads": 2,
        "hyper_heads": 2,
        "hyper_head_dim": 3,
    },
    widths={"audio": 3, "vision": 4},
    bert=True,
    steps=BESIDE,
    shapes={"regression_layer.bias": (2,), "proj_a.extra_token": (1, 3, 8)},
    renamed={
        "bert.": "bertmodel.model.",
        "text_positions": "l_encoder.pos_embedding",
        "text_layers.": "l_encoder.encoder.layers.",
        "hyper_layers.": "h_hyper_layer.layers.",
        "fusion_layer.layers.": "fusion_layer.CrossTransformerEncoder.layers.",
        **{f"proj_{m}.{part}": f"proj_{m}.1.{part}" for m in "lav" for part in ("pos_", "extra_")},
        **{f"proj_{m}.layers.": f"proj_{m}.1.encoder.layers." for m in "lav"},
        ".linear.": ".0.",
        "regression_layer.": "regression_layer.0.",
        ".query_norm.": ".0.norm_q.",
        ".key_norm.": ".0.norm_k.",
        ".value_norm.": ".0.norm_v.",
        ".text_norm.": ".0.norm1.",
        ".audio_norm.": ".0.norm2.",
        ".vision_norm.": ".0.norm3.",
        ".hyper_norm.": ".0.norm4.",
        ".feedforward.0.": ".1.norm.",
        ".feedforward.1.": ".1.fn.net.0.",
        ".feedforward.3.": ".1.fn.net.3.",
        "to_out.": "to_out.0.",
        ".to_": ".0.fn.to_",
    },
    unused=("bertmodel.model.pooler.dense.bias",),
)


MIB_SUFFIXES = {"text": "_l", "audio": "_a", "vision": "_v", "fused": ""}


def mib(bottleneck: str, narrow: Sequence[str], fusion: str, layer: str) -> Case:
    """One of MIB's three systems, which vectors it narrows, and a layer of its fusion."""
    renamed = {"proj_t.": "bert.proj_l.", f"fusion.{layer}": f"fusion.fusion1.{layer}"}
    for name in narrow:
        for part in ("encoder", "fc_mu", "fc_std"):
            ours, theirs = f"bottlenecks.{name}.{part}.", f"fusion.{part}{MIB_SUFFIXES[name]}."
            renamed[ours] = theirs
    for name in {*narrow, "fused"}:
        renamed[f"decoders.{name}."] = f"fusion.decoder{MIB_SUFFIXES[name]}."
    return Case(
        f"mib_{bottleneck}",
        {"bottleneck": bottleneck, "fusion": fusion, "d_model": 8, "bottleneck_hidden": 6}
        | {"heads": 2, "layers": 2},
        widths={"audio": 3, "vision": 4},
        bert=True,
        choices={
            "padding": "masked, released",
            "bottleneck": "early, late, complete",
            "fusion": "concat, addition, multiplication, tensor, low_rank, graph",
        },
        shapes={"decoders.fused.bias": (2,), "proj_a.weight": (8, 3, 3)},
        renamed=renamed,
    )


ITHP = Case(
    "ithp",
    {"hidden": 7, "first_dim": 6, "second_dim": 5},
    widths={"audio": 3, "vision": 4},
    bert=True,
    choices={
        "padding": "masked, released",
        "sample": "train, always",
        "scale": "train, batch",
    },
    shapes={"classifier.bias": (2,), "MLP2.3.weight": (4, 7)},
    renamed={
        "encoder1.": "dberta.ITHP.encoder1.",
        "encoder2.": "dberta.ITHP.encoder2.",
        "MLP1.": "dberta.ITHP.MLP1.",
        "MLP2.": "dberta.ITHP.MLP2.",
        "bert.": "dberta.model.",
        "expand.": "dberta.expand.0.",
        "norm.": "dberta.LayerNorm.",
        "pooler.": "dberta.pooler.",
    },
)
ALIGNED = [3, 1, 7, 4]  # steps of words, the same in each modality
MFN = Case(
    "mfn",
    {
        "text_hidden": 5,
        "audio_hidden": 3,
        "vision_hidden": 4,
        "memory": 6,
        "attention_hidden": 7,
        "proposal_hidden": 8,
        "retain_hidden": 5,
        "update_hidden": 9,
        "output_hidden": 6,
    },
    steps=ALIGNED,
    choices={"padding": "masked, released", "audio_vision": "sequence, mean"},
    shapes={"lstm_l.bias_hh": (20,), "gamma1_fc1.weight": (5, 30)},
)
MARN = Case(
    "marn",
    {
        "text_hidden": 5,
        "audio_hidden": 3,
        "vision_hidden": 4,
        "text_reduced": 2,
        "audio_reduced": 4,
        "vision_reduced": 3,
        "attentions": 3,
        "attention_hidden": 0,
    },
    steps=ALIGNED,
    choices={
        "padding": "masked, released",
        "variant": "paper, sdk",
        "attention": "per_head, joint",
        "output_state": "h_and_z, z",
    },
    shapes={"lsthm.text.V.weight": (20, 12), "reduce.audio.weight": (4, 9)},
    renamed={
        "attention_model.0.": "att_model.",
        **{
            f"{ours}.{name}.": f"{theirs}.{modality}."
            for ours, theirs in (("lsthm", "rnncell"), ("reduce", "dim_reduce_model"))
            for name, modality in (("text", "word"), ("vision", "visual"), ("audio", "acoustic"))
        },
    },
)
RMFN = Case(
    "rmfn",
    {
        "text_hidden": 5,
        "audio_hidden": 3,
        "vision_hidden": 4,
        "cell": 6,
        "stages": 3,
        "head_hidden": 7,
    },
    steps=ALIGNED,
    choices={"padding": "masked, released", "fusion": "highlight, sdk"},
    shapes={"lsthm.audio.U.weight": (12, 3), "fuse.weight_ih_l0": (24, 12)},
    renamed={"fuse.": "fusion.model."},
)
GRAPH_MFN = Case(
    "graph_mfn",
    {
        "text_hidden": 5,
        "audio_hidden": 3,
        "vision_hidden": 4,
        "memory": 6,
        "node": 4,
        "pattern": 7,
        "proposal_hidden": 8,
        "retain_hidden": 5,
        "update_hidden": 9,
        "output_hidden": 6,
    },
    steps=ALIGNED,
    choices={"padding": "masked, released", "efficacy": "sigmoid, linear"},
    shapes={"lstm_l.bias_hh": (20,), "graph_mfn.networks.0_2.0.weight": (7, 9)},
    renamed={f".1.{part}": f".1.0.{part}" for part in ("weight", "bias")},
)
MFM = Case(
    "mfm",
    {
        "text_hidden": 5,
        "audio_hidden": 3,
        "vision_hidden": 4,
        "memory": 6,
        "attention_hidden": 7,
        "proposal_hidden": 8,
        "retain_hidden": 5,
        "update_hidden": 9,
        "shared_code": 4,
        "text_code": 6,
        "audio_code": 3,
        "vision_code": 5,
        "shared_factor": 5,
        "text_factor": 4,
        "audio_factor": 6,
        "vision_factor": 3,
    },
    steps=ALIGNED,
    choices={
        "padding": "masked, released",
        "variant": "mmd, kl, kl_ef, missing",
        "missing_vision_source": "vision, audio",
    },
    shapes={"factors.head.fc1.weight": (5, 5), "codes.encoders.l.lstm.weight_hh": (24, 6)},
    renamed={
        "factors.decoders.": "decoder_",
        "factors.head.": "fy_to_y_",
        "codes.encoders.": "encoder_",
        "codes.fusion.": "mfn_encoder.",
        "codes.means.y.": "last_to_zy_fc1.",
        **{f"factors.layers.{m}.": f"z{m}_to_f{m}_" for m in "lavy"},
    },
    unused=("mfn_encoder.out_fc2.bias",),
)
MFM_KL = MFM.renamed | {
    f"codes.{ours}.{m}.": f"last_to_{theirs}{m}_fc1."
    for m in "lavy"
    for ours, theirs in (("means", "z"), ("log_variances", "logvarz"))
}
EF_LSTM = Case(
    "ef_lstm",
    {"hidden": 5, "steps": 12},
    steps=ALIGNED,
    choices={"padding": "masked, released", "variant": "authors, mmsa"},
    shapes={"fc1.bias": (5,), "lstm.weight_hh_l0": (20, 5)},
    renamed={"_l0": ""},
)
RAVEN = Case(
    "raven",
    {"projection": 4, "cell": 5, "hidden": 6, "layers": 2, "steps": 12},
    steps=ALIGNED,
    sees_padding=False,
    choices={
        "padding": "masked, released",
        "gate": "sigmoid, linear",
        "shift": "paper, released",
        "audio_norm": "running, batch",
    },
    shapes={"output.bias": (2,), "word_lstm.weight_hh_l1": (24, 6)},
    renamed={
        "audio_norm.": "normcovarep.",
        "audio_linear.": "fc_rszcovarep.",
        "audio_lstm.": "covarepLSTM.",
        "audio_gate.": "covarepW.",
        "vision_linear.": "fc_rszFacet.",
        "vision_lstm.": "facetLSTM.",
        "vision_gate.": "facetW.",
        "shift_layer.": "calcAddon.",
        "output.": "fc_afterLSTM.",
        **{
            f"word_lstm.{kind}_l{layer}": f"lstm1.layer_{layer + 1}.lstm.{kind}"
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            for layer in (0, 1)
        },
    },
    unused=("normFacet.bias",),
)
MCTN_CHOICES = {
    "padding": "masked, released",
    "variant": "keras, mmsa, multibench",
    "cell": "lstm, tanh",
    "forget_gate": "own, input",
    "outputs": "tanh, linear",
    "recurrence": "time, batch",
    "evaluation_code": "outputs, states",
}
MCTN = Case(
    "mctn",
    {"hidden": 4, "regression_hidden": 5},
    steps=ALIGNED,
    choices=MCTN_CHOICES
    | {"order": "text-audio-vision, text-vision-audio, text-audio, text-vision"},
    shapes={
        "network.lstm_layer.kernel": (4, 20),
        "network.encoder2.ahead.recurrent.kernel": (4, 16),
    },
    renamed={".ahead.": ".forward.", "network.": ""},
)
TEXT_ONLY = Case(
    "text_only",
    {},
    widths={},
    bert=True,
    sees_padding=False,
    choices={"padding": "masked, released", "pool": "mean, cls, pooler"},
    shapes={"classifier.bias": (2,), "bert.embeddings.LayerNorm.weight": (12,)},
)
SELF_MM = Case(
    "self_mm",
    {
        "audio_hidden": 5,
        "vision_hidden": 4,
        "audio_out": 3,
        "vision_out": 4,
        "fusion_width": 6,
        "text_width": 5,
        "audio_width": 4,
        "vision_width": 3,
    },
    widths={"audio": 3, "vision": 4},
    bert=True,
    steps=BESIDE,
    sees_padding=False,
    choices={"padding": "masked, released", "lengths": "own, text"},
    shapes={"heads.fusion.layer_3.bias": (2,), "audio_model.rnn.weight_hh_l0": (20, 5)},
    renamed={
        "bert.": "Model.text_model.model.",
        "audio_model.": "Model.audio_model.",
        "vision_model.": "Model.video_model.",
        "heads.fusion.layer_": "Model.post_fusion_layer_",
        "heads.text.layer_": "Model.post_text_layer_",
        "heads.audio.layer_": "Model.post_audio_layer_",
        "heads.vision.layer_": "Model.post_video_layer_",
    },
    unused=("Model.text_model.model.pooler.dense.bias",),
)
TETFN = Case(
    "tetfn",
    {
        "d_model": 8,
        "heads": 2,
        "audio_hidden": 5,
        "vision_hidden": 4,
        "text_kernel": 3,
        "vision_kernel": 2,
        "fusion_width": 6,
        "text_width": 5,
        "audio_width": 4,
        "vision_width": 3,
    },
    widths={"audio": 3, "vision": 4},
    bert=True,
    steps=BESIDE,
    choices={
        "padding": "masked, released",
        "positions": "all, released",
        "vision_kernel": "audio, a number",
    },
    shapes={"trans.a_mem.layer_norm.bias": (16,), "audio_model.rnn.weight_hh_l0": (20, 5)},
    renamed=SELF_MM.renamed | {"trans.": "Model.trans_", "proj_l": "Model.proj_l"},
    unused=SELF_MM.unused,
)
MMIM = Case(
    "mmim",
    {
        "audio_hidden": 5,
        "vision_hidden": 4,
        "audio_out": 4,
        "vision_out": 5,
        "fusion_width": 6,
    },
    widths={"audio": 3, "vision": 4},
    bert=True,
    steps=BESIDE,
    sees_padding=False,
    choices={"padding": "masked, released", "train_entropy": "stage1, none"},
    shapes={"fusion_prj.linear_3.bias": (2,), "mi_tv.mlp_mu.0.weight": (5, 12)},
    renamed={"bert.": "text_enc.bertmodel."},
    unused=("text_enc.bertmodel.pooler.dense.bias",),
)
CLGSI = Case(
    "clgsi",
    {
        "width": 6,
        "fusion_width": 5,
        "filters": 4,
        "reduction": 2,
        "vision_heads": 2,
        "feed_forward": 7,
    },
    widths={"audio": 3, "vision": 4},
    bert=True,
    steps=BESIDE,
    choices={"padding": "masked, released", "self_pairs": "out, released"},
    shapes={"fusionBatchNorm.bias": (10,), "audio_skip_net.2.weight": (6, 1)},
    renamed={
        "bert.": "Model.text_model.model.",
        "audio_model.": "Model.audio_model.transformer_encoder.",
        "vision_model.": "Model.video_model.transformer_encoder.",
        "text_skip_net.": "Model.text_skip_net.fc.",
        "audio_skip_net.": "Model.audio_skip_net.fc.",
        "vision_skip_net.": "Model.video_skip_net.fc.",
        "glfk.": "Model.GLFK.fc.",
        "post_fusion": "Model.post_fusion",
        "fusionBatchNorm": "Model.fusionBatchNorm",
        "post_text_": "Model.post_text_",
        "post_audio_": "Model.post_audio_",
        "post_vision_": "Model.post_video_",
    },
    unused=(
        "Model.text_model.model.pooler.dense.bias",
        "Model.audio_model.encoder_layer.linear1.weight",
        "Model.post_video_layer_2.bias",
    ),
)
# of training rows, to models that keep something of each
TRAINING_LABELS = [1.0, -1.0, 2.0, -0.5, 0.5, -3.0, 0.0, 1.5]
CASES = {
    "lmf": LMF,
    "mult": MULT,
    "mult_vision": replace(
        MULT,
        keywords=MULT.keywords | {"streams": "vision", "positions": False},
        shapes={"proj2.bias": (16,), "trans_v_mem.layer_norm.weight": (16,)},
    ),
    "dlf": DLF,
    "lmf_mult": LMF_MULT,
    "lmf_mult_attending": replace(
        LMF_MULT,
        keywords=LMF_MULT.keywords | {"variant": "fusion_cm_attn"},
        shapes={"factor_a": (3, 6, 6), "trans_v_with_f.layer_norm.bias": (8,)},
    ),
    "pmr": PMR,
    "pmr_shared": replace(
        PMR,
        keywords=PMR.keywords | {"shared_mru": True},
        renamed={"mrus.shared.": "MRUblock.", "feedforward.0.": ""},
    ),
    "tfn": TFN,
    "tfn_classes": replace(TFN, keywords=TFN.keywords | {"task": "classification"}),
    "nhfnet": NHFNET,
    "lmr_cbt": LMR_CBT,
    "glomo": GLOMO,
    "glomo_bert": replace(
        GLOMO,
        widths={"audio": 3, "vision": 4},
        bert=True,
        renamed=GLOMO.renamed | {"text_coarse.": "bert.linear1.", "text_fine.": "bert.proj_l."},
        unused=("bert.pooler.dense",),
    ),
    "cm_bert": CM_BERT,
    "mag_bert": MAG_BERT,
    "cenet": CENET,
    "hkt": HKT,
    "hkt_audio": replace(
        HKT,
        keywords=HKT.keywords | {"streams": "audio"},
        shapes={
            "encoders.audio.decoder.bias": (2,),
            "encoders.audio.layers.1.fc.0.weight": (256, 3),
        },
        renamed={"encoders.audio.": "acoustic_model.", "layers.": "encoder.layers."},
    ),
    "hkt_special": replace(HKT, keywords=HKT.keywords | {"special_steps": "released"}),
    "ithp": ITHP,
    "mib_early": mib("early", ["fused"], "tensor", "post_fusion_"),
    "mib_late": mib("late", ["text", "audio", "vision"], "concat", "linear_"),
    "mib_complete": mib("complete", [*MIB_SUFFIXES], "graph", "graph_"),
    "almt": ALMT,
    "almt_one_head": replace(
        ALMT, keywords=ALMT.keywords | {"hyper_heads": 1, "hyper_head_dim": 8, "proj_depth": 2}
    ),
    "text_only": TEXT_ONLY,
    "text_only_cls": replace(TEXT_ONLY, keywords={"pool": "cls"}),
    "t_bert": replace(
        TEXT_ONLY,
        model="t_bert",
        keywords={"pool": "pooler"},
        renamed={"pooler.": "bert.pooler."},
    ),
    "cm_bert_mean": replace(CM_BERT, keywords=CM_BERT.keywords | {"cls_audio": "mean"}),
    "lf_lstm": LF_LSTM,
    "misa": MISA,
    "misa_domain": replace(
        MISA,
        keywords=MISA.keywords | {"similarity": "domain"},
        renamed=MISA.renamed
        | {
            "discriminator.0.": "discriminator.discriminator_layer_1.",
            "discriminator.3.": "discriminator.discriminator_layer_2.",
        },
    ),
    "misa_bert": replace(
        MISA,
        widths={"audio": 3, "vision": 4},
        bert=True,
        steps=BESIDE,
        renamed=MISA_NAMES | {"bert.": "bertmodel."},
        unused=("bertmodel.pooler.dense.bias", *MISA.unused),
    ),
    "mfn": MFN,
    "graph_mfn": GRAPH_MFN,
    "mfm": MFM,
    "mfm_kl": replace(MFM, keywords=MFM.keywords | {"variant": "kl"}, renamed=MFM_KL),
    "mfm_kl_ef": replace(
        MFM,
        keywords=MFM.keywords | {"variant": "kl_ef"},
        renamed=MFM_KL | {"codes.fusion.": "ef_encoder."},
    ),
    "mfm_missing": replace(MFM, keywords=MFM.keywords | {"variant": "missing"}),
    "mfn_mean": replace(MFN, keywords=MFN.keywords | {"audio_vision": "mean"}, steps=STEPS),
    "marn": MARN,
    "marn_sdk": replace(
        MARN,
        keywords=MARN.keywords
        | {"variant": "sdk", "attention_hidden": 6, "head_hidden": 7, "attention": "joint"},
        shapes={"lsthm.text.V.weight": (20, 9), "attention_model.2.weight": (36, 6)},
        renamed={f"reduce.{name}.": f"dim_reduce_nets.{name}.0." for name in WIDTHS},
    ),
    "rmfn": RMFN,
    "rmfn_sdk": replace(RMFN, keywords=RMFN.keywords | {"fusion": "sdk"}),
    "ef_lstm": EF_LSTM,
    "ef_lstm_mmsa": replace(
        EF_LSTM,
        keywords=EF_LSTM.keywords | {"variant": "mmsa", "layers": 2},
        renamed={"fc1.": "linear.", "fc2.": "out."},
    ),
    "raven": RAVEN,
    "mctn": MCTN,
    "mctn_bimodal": replace(
        MCTN,
        keywords=MCTN.keywords | {"order": "text-vision", "attention_state": False},
        shapes={"network.lstm_layer.kernel": (4, 20), "network.decoder.W3.bias": (1,)},
    ),
    "mctn_mmsa": replace(
        MCTN,
        keywords=MCTN.keywords | {"variant": "mmsa"},
        choices=MCTN_CHOICES | {"order": "text-audio-vision, text-vision-audio"},
        shapes={"network.attn1.v.weight": (1, 4), "network.regression.linear2.bias": (2,)},
        renamed={"network.": ""},
    ),
    "mctn_multibench": replace(
        MCTN,
        keywords=MCTN.keywords | {"variant": "multibench", "head_hidden": 7},
        choices=MCTN_CHOICES | {"order": "text-audio-vision, text-vision-audio"},
        shapes={"network.head.fc2.bias": (2,), "network.seq2seq1.decoder.attention.v": (4,)},
        renamed={"network.": ""},
    ),
    "self_mm": SELF_MM,
    "tetfn": TETFN,
    "mmim": MMIM,
    "mmim_more": replace(
        MMIM,
        keywords=MMIM.keywords | {"bidirectional": True, "add_va": True, "cpc_layers": 2},
    ),
    "clgsi": CLGSI,
}


def make_bert() -> Any:
    """A BERT of two layers."""
    config = BertConfig(
        vocab_size=30,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    return BertModel(config)


def make(name: str, **settings: Any) -> Any:
    """The model of a case, with random weights."""
    case = CASES[name]
    widths = {f"{modality}_dim": width for modality, width in case.widths.items()}
    keywords: dict[str, Any] = {"output_dim": 2} | widths | case.keywords | settings
    if case.bert:
        keywords["bert"] = make_bert()
    model = randomize(model_class(case.model)(**keywords))
    if hasattr(model, "start_training"):
        model.start_training(torch.tensor(TRAINING_LABELS, dtype=torch.float64)[:, None])
    return model


def randomize(model: nn.Module) -> Any:
    """Weights and running statistics away from their initial zeros and ones."""
    torch.manual_seed(0)
    for name, x in [*model.named_parameters(), *model.named_buffers()]:
        if x.is_floating_point():
            # scales stay about one, else too little comes through
            nn.init.normal_(x, mean=float((x == 1).all()), std=0.3)
        if name.endswith("running_var"):
            x.abs_().add_(0.5)
    return model.double()


def make_rows(
    name: str, lengths: Sequence[int | tuple[int, ...]] | None = None
) -> list[dict[str, Tensor]]:
    """Rows of given lengths, those of the case by default; one length is that of all sequences."""
    case, generator = CASES[name], torch.Generator().manual_seed(1)
    rows = []
    for length in lengths or case.steps or (PIECES if case.bert else STEPS):
        steps = length if isinstance(length, tuple) else (length,) * (1 + len(case.widths))
        steps = steps[-len(case.widths) - case.bert :]
        row = {}
        if case.bert:
            row["input_ids"] = torch.randint(30, steps[:1], generator=generator)
            row["token_type_ids"] = (torch.arange(steps[0]) >= steps[0] // 2).long()
        for (modality, width), t in zip(case.widths.items(), steps[case.bert :], strict=True):
            row[modality] = torch.randn(t, width, generator=generator, dtype=torch.float64)
        rows.append(row)
    return rows


def collate(
    rows: list[dict[str, Tensor]], side: str = "right", extra: int = 0
) -> dict[str, Tensor]:
    """Rows in one batch, padded with garbage on one side, with labels of both signs."""
    numbers = torch.arange(len(rows))
    label = (0.5 + numbers[:, None].double()) * (-1.0) ** numbers[:, None]
    batch: dict[str, Tensor] = {"segments": numbers, "label": label}
    for name, first in rows[0].items():
        width = max(len(row[name]) for row in rows) + extra
        x = first.new_full((len(rows), width, *first.shape[1:]), PADDED_WITH.get(name, 9))
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            t = len(row[name])
            where = slice(0, t) if side == "right" else slice(width - t, width)
            x[i, where], mask[i, where] = row[name], True
        batch[name] = x
        if name == "input_ids":
            batch["attention_mask"] = mask.long()
        elif name != "token_type_ids":
            batch[f"{name}_mask"] = mask
    return batch


def make_fold(rows, seed, noise=0.0):
    """Labels are the mean of text column 0, plus noise."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(1, 6, (rows,), generator=generator)
    begins = counts.cumsum(0) - counts
    owner = torch.repeat_interleave(torch.arange(rows), counts)
    modalities = {}
    for name, width in {"text": 4, "audio": 3, "vision": 2}.items():
        x = torch.randn(int(counts.sum()), width, generator=generator)
        modalities[name] = Ragged(x, begins, counts)
    label = torch.zeros(rows).index_add(0, owner, modalities["text"].rows[:, 0]) / counts
    label = label + noise * torch.randn(rows, generator=generator)
    return Fold(np.arange(rows).astype(str), label[:, None], modalities)


def golden_bert(config: dict[str, Any]) -> nn.Module:
    """The BERT that the `config` of a case of `tests/golden` asks for."""
    return BertModel(BertConfig(**config["bert"]))


def golden_weights(case: dict[str, Any]) -> dict[str, Tensor]:
    """The weights that a case of `tests/golden` was computed with, drawn by their names."""
    state = {}
    for entry in case["parameters"]:
        key, shape = entry["key"], entry["shape"]
        a = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape)
        last = key.rpartition(".")[2]
        if last == "running_var":
            a = np.abs(0.1 * a) + 0.5
        elif len(shape) > 1:
            a = a / np.sqrt(np.prod(shape[1:]))
        elif last == "weight" or last.endswith("_weight_1"):
            a = 1 + 0.1 * a
        else:
            a = 0.1 * a
        state[key] = torch.tensor(a, dtype=torch.float64)
    return state
