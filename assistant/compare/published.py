"""Published four-arm results, to be drawn beside the user's own: is it ordinary or odd?

Only figures that were read in the source itself.
"""

from dataclasses import dataclass

from assistant.compare.factorial import contrasts


@dataclass(frozen=True, slots=True)
class Published:
    """Four accuracies, 0..1, and where they stand."""

    name: str
    base: float
    rag: float
    sft: float
    both: float
    source: str

    def contrasts(self) -> dict[str, float]:
        """What each factor adds and the interaction, as for an experiment."""
        return contrasts(self.base, self.rag, self.sft, self.both)


_OVADIA = "Ovadia et al. 2024, table 2 (current events, 910 questions), arXiv:2312.05934"

PUBLISHED = (
    Published("Mistral 7B", 0.481, 0.875, 0.504, 0.810, _OVADIA),
    Published("Mistral 7B, paraphrases", 0.481, 0.875, 0.588, 0.830, _OVADIA),
    Published("Llama2 7B", 0.353, 0.585, 0.219, 0.326, _OVADIA),
    Published("Llama2 7B, paraphrases", 0.353, 0.585, 0.392, 0.520, _OVADIA),
    Published("Orca2 7B", 0.456, 0.876, 0.511, 0.820, _OVADIA),
    Published("Orca2 7B, paraphrases", 0.456, 0.876, 0.566, 0.826, _OVADIA),
)
"""Fine-tuning there is continued training on the text, in the second row of each model on ten paraphrases."""
