"""What to try next. Pure: (space, observations, positions, seed) -> proposals."""

from optimizer.effects import Effect, effects
from optimizer.encoding import Encoding
from optimizer.propose import Prediction, predict, propose
from optimizer.recommendation import Recommendation, recommend

__all__ = ["Effect", "Encoding", "Prediction", "Recommendation", "effects", "predict", "propose", "recommend"]
