"""Certificates: sizes, tries, and how often what is stated holds where the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abis.errors import InputError
from risk.scenarios.fhs import shipped_fhs
from risk.solver.certificate import KINDS, Bound, bound_of, certify, check_enough, choices_log, share_of
from risk.solver.evaluate import Setting
from risk.solver.generators import GENERATORS, known_generator, sample_of
from risk.solver.limits import read_limits
from risk.solver.menu import menu_of
from risk.solver.proof import Asked, hinges, prove
from risk.solver.proof_text import proof_text
from risk.solver.scenario_limits import ScenarioLimit, Statistic
from tests.risk.report import made

LIMITS = """
[tail]
level = 0.8
[bad_debt]
cvar_usd = 1e9
[avoidable_loss]
cvar_usd = 1
[box]
threshold_bps = 100
threshold_step_bps = 100
ltv_bps = 100
"""
NAME = "bad_debt.cvar_usd"


@pytest.fixture(scope="module")
def setting() -> Setting:
    market = made.market()
    limits = read_limits(LIMITS)
    return Setting(
        market, menu_of(market, limits), sample_of("stressed", market, 200, 1, model=shipped_fhs()), limits
    )


def test_the_error_says_how_many_are_needed() -> None:
    limits = read_limits(LIMITS)
    with pytest.raises(InputError, match="10 scenarios cannot certify") as caught:
        check_enough(limits, 10)
    needed = int((caught.value.remedy or "").removeprefix("Draw at least ").rstrip(".").replace(",", ""))
    check_enough(limits, needed)
    with pytest.raises(InputError):
        check_enough(limits, needed - 1)
    with pytest.raises(InputError, match="try 2"):
        check_enough(limits, needed, tries=2)


def test_tries_share_one_risk() -> None:
    """However often somebody tries, the bounds of all tries add up to no more than the risk."""
    limits = read_limits(LIMITS)
    bounds = KINDS * 2 * 3  # kinds, limits, behaviours
    spent = sum(bounds * share_of(limits, 0.01, k) for k in range(1, 2_000))
    assert 0.0099 < spent <= 0.01
    with pytest.raises(InputError, match="try 0"):
        share_of(limits, 0.01, 0)


def test_every_generator_certifies(setting: Setting) -> None:
    """Generators draw different days, the same again; the table says what hinges on which."""
    chosen = setting.menu.current
    samples = {name: sample_of(name, setting.snapshot, 300, 2) for name in GENERATORS}
    assert len({s.sha256 for s in samples.values()}) == len(GENERATORS)
    assert samples["mixture"].sha256 == sample_of("mixture", setting.snapshot, 300, 2).sha256
    proof = prove(setting, chosen, samples, Asked(), lambda phase, done, total: None)
    assert set(proof.certificates) == set(GENERATORS)
    for certificate in proof.certificates.values():
        assert certificate.seed == 2
        assert certificate.choices_log == pytest.approx(choices_log(setting.menu))
        assert not certificate.holds
        for bound in certificate.bounds:
            assert bound.cvar_bound_usd == min(bound.betting_usd, bound.bernstein_usd) >= bound.cvar_usd
            assert bound.quantile_bound_usd < math.inf
    held = {h.name: h.holds for h in hinges(proof.certificates)}
    assert held == {NAME: tuple(GENERATORS), "avoidable_loss.cvar_usd": ()}
    text = proof_text(proof)
    assert "What hinges on the generator" in text
    assert "Not judged: `--sensitivity`" in text
    again = prove(setting, chosen, samples, Asked(), lambda phase, done, total: None)
    assert again.to_json() == proof.to_json()


def test_the_halves_of_a_mixture_are_independent(setting: Setting) -> None:
    """They have streams of their own: the same numbers would make a draw of one tell a draw of the other."""
    both = sample_of("mixture", setting.snapshot, 400, 5)
    last = np.log(np.concatenate([b.fair_price_usd[:, -1, 0] for b in both.blocks()]))
    one = np.log(
        np.concatenate(
            [b.fair_price_usd[:, -1, 0] for b in sample_of("median", setting.snapshot, 200, 5).blocks()]
        )
    )
    assert np.array_equal(last[:200], one)
    assert abs(np.corrcoef(last[:200], last[200:])[0, 1]) < 0.3


def test_an_unknown_generator() -> None:
    with pytest.raises(InputError, match="no generator") as caught:
        known_generator("nothing")
    assert "stressed" in (caught.value.remedy or "")


def test_a_later_try_says_less(setting: Setting) -> None:
    sample = sample_of("stressed", setting.snapshot, 400, 9)
    first = certify(setting, setting.menu.current, sample)
    third = certify(setting, setting.menu.current, sample, tries=3)
    for a, b in zip(first.bounds, third.bounds, strict=True):
        assert a.cvar_bound_usd < b.cvar_bound_usd
        assert a.probability_bound < b.probability_bound or a.failures == len(sample)


# Coverage: capped Pareto losses F(x) = 1 - (1 + x / SCALE)^-shape, of which everything is known.
SCALE, CAP, LEVEL = 1e4, 1e6, 0.95


def truths(shape: float, limit: float) -> tuple[float, float, float]:
    """Return quantile, CVaR and probability of exceeding the limit."""
    quantile = SCALE * ((1 - LEVEL) ** (-1 / shape) - 1)
    left = [(1 + x / SCALE) ** (1 - shape) * SCALE / (shape - 1) for x in (quantile, CAP)]
    return quantile, quantile + (left[0] - left[1]) / (1 - LEVEL), (1 + limit / SCALE) ** -shape


LIMIT = ScenarioLimit(NAME, "bad_debt_usd", Statistic.CVAR, 2e5)


def covered(shape: float, repetitions: int, draws: int, risk: float, seed: int) -> dict[str, float]:
    """Return in which share of repetitions each statement was true."""
    rng = np.random.default_rng(seed)
    quantile, cvar, probability = truths(shape, 2e5)

    def drawn(n: int) -> np.ndarray:
        return np.minimum(SCALE * rng.pareto(shape, n), CAP)

    held = {"quantile": 0, "probability": 0, "betting": 0, "bernstein": 0, "all": 0}
    for _ in range(repetitions):
        eta = float(np.quantile(drawn(500), LEVEL))  # the design sample of this repetition
        b: Bound = bound_of(LIMIT, drawn(draws), eta, CAP, LEVEL, risk)
        true = {
            "quantile": b.quantile_bound_usd >= quantile,
            "probability": b.probability_bound >= probability,
            "betting": b.betting_usd >= cvar,
            "bernstein": b.bernstein_usd >= cvar,
        }
        for name, yes in true.items():
            held[name] += yes
        held["all"] += all(true.values())
    return {name: count / repetitions for name, count in held.items()}


def test_bounds_hold_as_often_as_they_say() -> None:
    found = covered(1.5, 60, 1_000, 0.05, 3)
    assert min(found[k] for k in ("quantile", "probability", "betting", "bernstein")) >= 0.9
    assert found["all"] >= 0.8


@pytest.mark.verify
@pytest.mark.parametrize("shape", [1.5, 3.0])
@pytest.mark.parametrize("risk", [0.05, 0.2])
def test_a_thousand_certificates(shape: float, risk: float) -> None:
    """In 1,000 repetitions each kind of bound holds in at least the stated share (3 standard errors off)."""
    found = covered(shape, 1_000, 2_000, risk, 17)
    slack = 3 * math.sqrt(risk * (1 - risk) / 1_000)
    for kind in ("quantile", "probability", "betting", "bernstein"):
        assert found[kind] >= 1 - risk - slack
    assert found["all"] >= 1 - KINDS * risk
