"""A model of the accuracy, with its uncertainty: a Gaussian process on finished trials and on learning curves so far.

Shape legend: n observations, q queries, p pending trials, d features. Accuracies ("scores") are larger where better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

Array = NDArray[np.float64]
Curve = Mapping[int, float]
"""The score at each epoch that was validated."""

MIN_PAIRS = 5
"""Complete curves that an epoch must have before scores at it are carried to the end."""
MIN_EXPLAINED = 0.05
"""Share of the variance of final scores that an epoch must explain for its scores to say anything."""
RIDGE = 2.0
"""Weight, in observations, of the prior that an epoch's score says nothing of the final one."""
JITTER = 1e-8
ROUGH_TRIALS = 64
"""Trials that a first, rough look at the candidates takes into account."""

# Mean and deviation of normal priors of the logarithms of the kernel's parameters, for standardised features and scores.
# They were chosen for the likelihood of scores not seen after 8 to 80 trials, real and synthetic.
_SIGNAL = (1.0, 1.0)
_LENGTH_TIMES_ROOT_D = (math.log(4.0), 1.0)
_LENGTH_SPREAD = 0.6
_NOISE = (math.log(0.15), 1.5)


@dataclass(frozen=True, kw_only=True)
class Observations:
    """``features`` (n, d), ``scores`` (n,), and ``extra`` (n,): variance of a score beyond that of a finished trial."""

    features: Array
    scores: Array
    extra: Array


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A straight line in a figure that foretells the accuracy, whose slope is not known.

    Args:
        shift: The mean of the figure.
        scale: Its deviation.
        variance: The variance of the slope, in squared spreads of the kernel for a deviation of the figure.
    """

    shift: float
    scale: float
    variance: float

    def places(self, features: Array) -> Array:
        """Return the figure (a,) of features (a, d + 1), their last column, in deviations."""
        found: Array = (features[:, -1] - self.shift) / self.scale
        return found


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A Matérn 5/2 kernel with a length for each feature, the noise of a finished trial, and the units of both.

    Columns of features beyond those that have a length say nothing, unless the last one has a ``trend``.
    """

    shift: Array
    scale: Array
    mean: float
    spread: float
    lengths: Array
    signal: float
    noise: float
    trend: Trend | None = None

    def between(self, first: Array, second: Array) -> Array:
        """The covariance (a, b) of features (a, d) and (b, d), in units of ``spread`` squared."""
        units, count = self.scale * self.lengths, len(self.lengths)
        a, b = (first[:, :count] - self.shift) / units, (second[:, :count] - self.shift) / units
        squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * a @ b.T
        apart = np.sqrt(5.0 * np.maximum(squares, 0.0))
        kernel: Array = self.signal * (1.0 + apart + apart * apart / 3.0) * np.exp(-apart)
        if self.trend is not None:
            kernel += self.trend.variance * np.outer(self.trend.places(first), self.trend.places(second))
        return kernel

    def variance(self, features: Array) -> Array:
        """The variance (a,) at features (a, d) before any trial, in units of ``spread`` squared."""
        own = np.full(len(features), self.signal)
        return own if self.trend is None else own + self.trend.variance * self.trend.places(features) ** 2


def fit_kernel(data: Observations) -> Kernel:
    """The kernel of largest posterior probability, from one start and so without chance.

    Priors keep it sound after few trials. The lengths of all features are alike and long unless the data say otherwise. So
    the accuracy is at first nearly linear in them.
    """
    shift, scale = data.features.mean(axis=0), np.maximum(data.features.std(axis=0), 0.1)
    mean, spread = float(data.scores.mean()), max(float(data.scores.std()), 1e-6)
    size = data.features.shape[1]
    start = np.concatenate([[_SIGNAL[0]], np.full(size, _length_prior(size)), [_NOISE[0]]])
    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(np.ones(size), (1e-2, 1e4), nu=2.5) + WhiteKernel(1.0, (1e-5, 1e1))
    model = GaussianProcessRegressor(
        kernel.clone_with_theta(start), alpha=data.extra / spread**2 + JITTER, optimizer=_most_probable
    )
    model.fit((data.features - shift) / scale, (data.scores - mean) / spread)
    theta = np.exp(model.kernel_.theta)
    return Kernel(
        shift=shift,
        scale=scale,
        mean=mean,
        spread=spread,
        signal=float(theta[0]),
        lengths=theta[1:-1],
        noise=float(theta[-1]),
    )


def _length_prior(size: int) -> float:
    return _LENGTH_TIMES_ROOT_D[0] + 0.5 * math.log(size)


def _most_probable(negative_likelihood: Any, start: Array, bounds: Array) -> tuple[Array, float]:
    """An optimiser for scikit-learn that adds the priors to the likelihood."""

    def objective(theta: Array) -> tuple[float, Array]:
        value, gradient = negative_likelihood(theta)
        penalty, slope = _negative_prior(theta)
        return float(value) + penalty, gradient + slope

    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    return found.x, float(found.fun)


def _negative_prior(theta: Array) -> tuple[float, Array]:
    """Normal priors of the logarithms: of signal and noise, of the mean length, and of each length around that mean."""
    lengths = theta[1:-1]
    common = float(lengths.mean())
    scaled = np.array(
        [
            (theta[0] - _SIGNAL[0]) / _SIGNAL[1],
            (common - _length_prior(len(lengths))) / _LENGTH_TIMES_ROOT_D[1],
            (theta[-1] - _NOISE[0]) / _NOISE[1],
        ]
    )
    apart = (lengths - common) / _LENGTH_SPREAD
    slope = np.concatenate(
        [
            [scaled[0] / _SIGNAL[1]],
            apart / _LENGTH_SPREAD + scaled[1] / _LENGTH_TIMES_ROOT_D[1] / len(lengths),
            [scaled[2] / _NOISE[1]],
        ]
    )
    return 0.5 * float((scaled**2).sum() + (apart**2).sum()), slope


class Posterior:
    """The accuracy expected of any candidate after the observations, while ``pending`` (p, d) trials have no score yet.

    A pending trial is taken to end as predicted: that leaves every mean as it is, and makes its neighbourhood certain.
    """

    def __init__(self, kernel: Kernel, data: Observations, pending: Array | None = None) -> None:
        waiting = np.empty((0, data.features.shape[1])) if pending is None else pending
        self.kernel, self.scores = kernel, data.scores
        self._places = np.vstack([data.features, waiting])
        noise = kernel.noise + JITTER + np.concatenate([data.extra / kernel.spread**2, np.zeros(len(waiting))])
        known = kernel.between(self._places, self._places) + np.diag(noise)
        count = len(data.scores)
        self._factor: Array = cholesky(known, lower=True, check_finite=False)
        # The leading block of a Cholesky factor is the factor of the leading block: that of the observations alone.
        leading = (self._factor[:count, :count], True)
        self._weights = cho_solve(leading, (data.scores - kernel.mean) / kernel.spread, check_finite=False)
        self._few = np.unique(np.linspace(0, len(known) - 1, min(len(known), ROUGH_TRIALS)).round().astype(int))
        few = known[np.ix_(self._few, self._few)]
        self._factor_of_few: Array = cholesky(few, lower=True, check_finite=False)

    @property
    def noise(self) -> float:
        """The standard deviation of a finished trial's accuracy around what is expected of its candidate."""
        return self.kernel.spread * math.sqrt(self.kernel.noise)

    def covariance(self, features: Array) -> Array:
        """Return covariances of candidates (q, d) for the other methods: with observed and pending trials, and their own.

        The shape is (q, n + p + 1); the last column holds the variance of each candidate before any trial.
        """
        return np.column_stack([self.kernel.between(features, self._places), self.kernel.variance(features)])

    def mean(self, covariance: Array) -> Array:
        """The expected accuracy (q,) of candidates."""
        expected: Array = covariance[:, : len(self._weights)] @ self._weights
        return self.kernel.mean + self.kernel.spread * expected

    def deviation(self, covariance: Array) -> Array:
        """The standard deviation (q,) of the candidates' accuracy, free of a single training's chance."""
        return self._deviation(self._factor, covariance[:, :-1], covariance[:, -1])

    def rough_deviation(self, covariance: Array) -> Array:
        """An upper bound of `deviation` at a small part of its price: the uncertainty that `ROUGH_TRIALS` trials leave."""
        return self._deviation(self._factor_of_few, covariance[:, self._few], covariance[:, -1])

    def _deviation(self, factor: Array, covariance: Array, before: Array) -> Array:
        known = solve_triangular(factor, covariance.T, lower=True, check_finite=False)
        variance = np.maximum(before - np.einsum("iq,iq->q", known, known), 1e-12)
        deviation: Array = self.kernel.spread * np.sqrt(variance)
        return deviation


def leave_one_out(kernel: Kernel, data: Observations) -> float:
    """Return the log likelihood of each score after all others, summed over the scores.

    The closed form is of Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 5.4.2.
    """
    noise = kernel.noise + JITTER + data.extra / kernel.spread**2
    known = kernel.between(data.features, data.features) + np.diag(noise)
    inverse = cho_solve((cholesky(known, lower=True, check_finite=False), True), np.eye(len(known)), check_finite=False)
    precision = np.diag(inverse)
    errors = inverse @ ((data.scores - kernel.mean) / kernel.spread) / precision
    return float((0.5 * np.log(precision / (2.0 * math.pi)) - 0.5 * precision * errors**2 - math.log(kernel.spread)).sum())


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A score as it would be at the end, and the variance of that."""

    score: float
    variance: float


class CurveModel:
    """Carries a score at an early epoch to the end of the training, by what complete curves show between the two.

    For each epoch, a ridge regression of the final score on the score at that epoch. A regression draws its forecasts
    towards the mean of all trials, but the Gaussian process knows better than that mean where a candidate lies. The
    forecast's deviation from the mean is therefore divided by the share of the variance that the epoch explains (R²). So is
    its residual variance. The result is an observation with noise, which the process weighs against its knowledge. Trials
    that were stopped enter the mean and the variance at an epoch, so that stopping the worse ones early does not distort
    them.
    """

    def __init__(self, complete: Sequence[tuple[Curve, float]], stopped: Sequence[Curve] = ()) -> None:
        self._complete, self._stopped = list(complete), list(stopped)
        self._epochs: dict[int, _Line | None] = {}

    def carry(self, epoch: int, score: float) -> Carried | None:
        """The final score to be expected; None where too few curves, or curves too wild, say anything."""
        if epoch not in self._epochs:
            self._epochs[epoch] = self._line(epoch)
        line = self._epochs[epoch]
        if line is None:
            return None
        return Carried(score=line.final + line.slope * (score - line.early), variance=line.variance)

    def _line(self, epoch: int) -> _Line | None:
        pairs = np.array([(curve[epoch], final) for curve, final in self._complete if epoch in curve]).reshape(-1, 2)
        if len(pairs) < MIN_PAIRS:
            return None
        early, final = pairs.T
        reached = np.concatenate([early, [curve[epoch] for curve in self._stopped if epoch in curve]])
        spread, total = float(early.var()), float(final.var())
        if min(spread, total) <= 1e-12:
            return None
        count = len(pairs)
        slope = float(np.cov(early, final, bias=True)[0, 1]) / (spread * (1.0 + RIDGE / count))
        left = final - final.mean() - slope * (early - early.mean())
        residual = (float(left @ left) + RIDGE * total) / (count - 2.0 + RIDGE)
        explained = slope**2 * float(reached.var())
        share = explained / (explained + residual)
        if share < MIN_EXPLAINED:
            return None
        middle = float(reached.mean())
        return _Line(
            early=middle,
            final=float(final.mean()) + slope * (middle - float(early.mean())),
            slope=slope / share,
            variance=residual / share,
        )


@dataclass(frozen=True, kw_only=True)
class _Line:
    early: float
    final: float
    slope: float
    variance: float
