"""What to try next. Pure: (space, observations, positions, seed) -> proposals. BoTorch lives only here."""

from optimizer.encoding import Encoding
from optimizer.propose import Prediction, predict, propose, recommend

__all__ = ["Encoding", "Prediction", "predict", "propose", "recommend"]
