"""Writes Tests/Fixtures/defences/precode.safetensors: loss and gradients that PyTorch computes for a small
network with PRECODE's variational bottleneck. Run from the repository's root."""
import torch
from safetensors.torch import save_file

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
size, weight = 3, 1e-3
network = torch.nn.ModuleDict({
    "first": torch.nn.Linear(6, 5), "encoder": torch.nn.Linear(5, 2 * size),
    "decoder": torch.nn.Linear(size, 5), "last": torch.nn.Linear(5, 4),
})
images = torch.rand(2, 1, 2, 3)
labels = torch.tensor([2, 0])
noise = torch.randn(2, size)
encoding = network["encoder"](torch.sigmoid(network["first"](images.flatten(1))))
mean, log_variance = encoding[:, :size], encoding[:, size:]
posterior = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
code = mean + posterior.scale * noise
divergence = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0))
loss = torch.nn.functional.cross_entropy(network["last"](network["decoder"](code)), labels)
loss = loss + weight * divergence.sum(1).mean()
loss.backward()

tensors = {"images": images, "labels": labels.double(), "noise": noise, "loss": loss.reshape(1)}
for name, parameter in network.named_parameters():
    tensors[name] = parameter
    tensors[name + ".gradient"] = parameter.grad
save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()},
          "Tests/Fixtures/defences/precode.safetensors")
