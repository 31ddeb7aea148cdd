"""Pairs of models with a known truth, to see how well the instrument reads it (docs/selftest.md)."""

from samedream.planted.activity import PlantedActivity, planted_activity
from samedream.planted.states import PlantedStates, planted_states

__all__ = ["PlantedActivity", "PlantedStates", "planted_activity", "planted_states"]
