"""LMF-MulT's golden cases, which are of a reconstruction."""

from torch import nn

from msa.models import model_class


def build(case: dict, inputs: dict, state: dict) -> nn.Module:
    config = case["config"]
    return model_class("lmf_mult")(
        **{f"{name}_dim": width for name, width in config["input_dims"].items()},
        **{name: config[name] for name in ("output_dim", "d_model", "heads", "layers")},
        **{name: config[name] for name in ("lstm_hidden", "rank", "fusion_dim")},
        variant=case["variant"],
        causal=config["causal_attention_mask"],
        padding="released",
    )
