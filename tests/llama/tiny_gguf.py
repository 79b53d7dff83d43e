"""Writes a Llama of 31,000 random weights as GGUF: `tiny_gguf.py PATH`. It speaks nonsense, byte by byte, as fast as a server can stream it."""

import sys

import gguf
import numpy as np

DIM, HEADS, FEED_FORWARD, CONTEXT = 32, 2, 64, 4096
WORDS = ["▁", *"abcdefghijklmnopqrstuvwxyz", "▁the", "▁return", "▁days", "▁free", "▁30"]
SPECIAL = ["<unk>", "<s>", "</s>"]
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"


def write(path: str) -> None:
    """The file, always the same one."""
    draw = np.random.default_rng(7)
    tokens = [*SPECIAL, *(f"<0x{n:02X}>" for n in range(256)), *WORDS]
    kind = gguf.TokenType
    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(DIM)
    out.add_block_count(1)
    out.add_feed_forward_length(FEED_FORWARD)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_layer_norm_rms_eps(1e-5)
    out.add_rope_dimension_count(DIM // HEADS)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("llama")
    out.add_token_list(tokens)
    out.add_token_scores([0.0] * (len(tokens) - len(WORDS)) + [-float(n) for n in range(len(WORDS))])
    out.add_token_types(
        [kind.UNKNOWN, kind.CONTROL, kind.CONTROL, *[kind.BYTE] * 256, *[kind.NORMAL] * len(WORDS)]
    )
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    out.add_chat_template(TEMPLATE)
    shapes = {
        "token_embd": (len(tokens), DIM),
        "output": (len(tokens), DIM),
        **{f"blk.0.attn_{part}": (DIM, DIM) for part in ("q", "k", "v", "output")},
        "blk.0.ffn_gate": (FEED_FORWARD, DIM),
        "blk.0.ffn_up": (FEED_FORWARD, DIM),
        "blk.0.ffn_down": (DIM, FEED_FORWARD),
    }
    for name, shape in shapes.items():
        out.add_tensor(f"{name}.weight", draw.normal(0, 0.2, shape).astype(np.float32))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        out.add_tensor(f"{name}.weight", np.ones(DIM, np.float32))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    write(sys.argv[1])
