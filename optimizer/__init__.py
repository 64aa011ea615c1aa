"""What to try next. Pure: (space, observations, positions, seed) -> proposals. BoTorch lives only here."""

from optimizer.effects import Effect, effects
from optimizer.encoding import Encoding
from optimizer.propose import Prediction, predict, propose, recommend

__all__ = ["Effect", "Encoding", "Prediction", "effects", "predict", "propose", "recommend"]
