"""Comparing the files that are there with the manifests: nothing is fetched, and nothing is changed."""

from exposure_subscriber.verify.carrying_out import carry_out
from exposure_subscriber.verify.known import known, written_of_night
from exposure_subscriber.verify.plan import Night, Plan, plan_destination, plan_locations, plan_night
from exposure_subscriber.verify.summing import sums
from exposure_subscriber.verify.verdict import FINE, SOUND, State, Verdict

__all__ = [
    "FINE",
    "SOUND",
    "Night",
    "Plan",
    "State",
    "Verdict",
    "carry_out",
    "known",
    "plan_destination",
    "plan_locations",
    "plan_night",
    "sums",
    "written_of_night",
]
