"""Writes a small transformer as PyTorch saves it, an input, and its logits: transformer_00042.pt, images.npy, logits.npy.

    python -m venv venv && venv/bin/pip install torch==2.15.0 numpy==2.4.6
    venv/bin/python crates/kymograph/tests/reference/make_transformer.py

The network is the study's in small: images of 6 × 8 pixels cut into 4 tokens of 12, two encoder layers of PyTorch's
defaults with 16 features, 4 heads and 32 features between the linear layers, the mean of the tokens, 5 classes.
"""
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_proj = nn.Linear(12, 16)
        self.pos_encoder = nn.Parameter(torch.randn(4, 16))
        layer = nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(16, 5)

    def forward(self, images):
        tokens = self.input_proj(images.reshape(len(images), 4, 12)) + self.pos_encoder
        return self.fc(self.transformer(tokens).mean(dim=1))


torch.manual_seed(0)
model = Transformer()
with torch.no_grad():
    # The layers of an encoder start as copies and biases at zero; a test should tell them apart.
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn_like(parameter)
model.eval()
images = torch.randn(7, 1, 6, 8)
with torch.no_grad():
    logits = model(images)
torch.save({"step": 42, "model_state_dict": model.state_dict()}, HERE / "transformer_00042.pt")
np.save(HERE / "images.npy", images.numpy())
np.save(HERE / "logits.npy", logits.numpy())
