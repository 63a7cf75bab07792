"""What a block of codes tells about a factor: a lower bound of their mutual information, by a small classifier.

A block has too many dimensions for bins. For any classifier q, E[-log q(v | block)] >= H(v | block), so that H(v) minus
the cross-entropy on rows that q has not seen is at most I(block; v), up to the sampling of these rows (Barber and
Agakov 2003, The IM Algorithm: a Variational Approach to Information Maximization, section 2). The classifier is the
same for every model: one hidden layer of 64, standardised codes, a fixed optimiser. The networks of all factors learn
side by side: scikit-learn's ``MLPClassifier``, one fit per pair, took six times as long on 11 blocks of 128 codes and 6
factors, and stops by accuracy, which costs it 4 % of the entropy on perfect blocks.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, softmax

from minebench.metrics.blocks import Blocks, CheckedBlocks, check_blocks
from minebench.metrics.protocol import check_generator

# a change here moves the scores of ``block_gaps``: raise its VERSION
_HIDDEN = 64
_BATCH = 128
_UPDATES = 3000  # at 10,000 samples 64 passes over the rows that are learnt from
_RATE = 0.02  # Adam's, at the start; it falls linearly to 0 over the second half
_CHECK_EVERY = 50
_PATIENCE = 6  # checks in a row that find the cross-entropy no lower
_GAIN = 1e-3  # nats by which it must fall to be lower
_DECAY = (0.9, 0.999)  # of Adam's two moments


@dataclass(frozen=True)
class BlockInformation:
    """What blocks tell about factors.

    Attributes:
        blocks: What was measured.
        gain: H(v) minus the held-out cross-entropy, in nats, shape ``(n_blocks, n_factors)``: a lower bound that
            sampling and overfitting can push below 0. Exactly 0 for blocks without a code that varies.
        factor_entropy: H(v) over all rows, shape ``(n_factors,)``, above 0.
    """

    blocks: CheckedBlocks
    gain: NDArray[np.float64]
    factor_entropy: NDArray[np.float64]

    @property
    def mutual(self) -> NDArray[np.float64]:
        """The bound on I(block; v) that the scores use: ``gain``, and 0 where it is below."""
        return np.maximum(self.gain, 0.0)


def block_information(
    codes: ArrayLike,
    factors: ArrayLike,
    blocks: Blocks,
    *,
    rng: np.random.Generator,
    min_blocks: int = 1,
    n_factor_bins: int | None = None,
) -> BlockInformation:
    """Train a classifier for every block and factor, and read off what it knows on rows held out.

    Three fifths of the rows are learnt from, one fifth says when to stop, one fifth is counted: the same rows and the
    same initial draws for every block, so that the order of the blocks does not matter. The cost grows with samples up
    to the updates' end, then not; with codes, with factors and their values.

    Args:
        codes: Posterior means, shape ``(n_samples, n_codes)``, at least 5 samples.
        factors: Value indices, shape ``(n_samples, n_factors)``.
        blocks: Columns of ``codes``, group by group.
        rng: Source of the split, of the initial weights and of the batches.
        min_blocks: Fewest blocks for which the caller's score is defined.
        n_factor_bins: See ``check_codes_and_factors``.

    Returns:
        The bounds in nats.

    Raises:
        ValueError: If the inputs cannot be scored (see ``check_blocks``) or there are fewer than 5 samples.
        TypeError: If ``rng`` is no generator, or a constant of the protocol has the wrong type.

    References:
        Barber and Agakov (2003), section 2.
    """
    check_generator(rng)
    checked = check_blocks(codes, factors, blocks, min_blocks=min_blocks, n_factor_bins=n_factor_bins)
    inputs = checked.inputs
    n_samples = len(inputs.codes)
    if n_samples < 5:
        raise ValueError(f"a classifier learns from rows and is counted on others: 5 samples at least; got {n_samples}")
    shares = [np.bincount(labels) / n_samples for labels in inputs.factors.T]
    entropy = np.array([-(share @ np.log(share)) for share in shares])
    split = _Split.draw(n_samples, rng)
    seed = int(rng.integers(2**63))
    standardized = inputs.standardized()[0].astype(np.float32)
    gain = np.zeros((len(checked.columns), len(entropy)))
    for block in np.flatnonzero(checked.alive):
        x = standardized[:, checked.columns[block]]
        networks = _Networks(x[split.train], shares, np.random.default_rng(seed))
        gain[block] = entropy - _held_out_cross_entropy(networks, x, inputs.factors, split)
    return BlockInformation(checked, gain, entropy)


class _Split(NamedTuple):
    train: NDArray[np.intp]
    stop: NDArray[np.intp]
    test: NDArray[np.intp]

    @classmethod
    def draw(cls, n_samples: int, rng: np.random.Generator) -> "_Split":
        order, fifth = rng.permutation(n_samples), n_samples // 5
        return cls(order[2 * fifth :], order[:fifth], order[fifth : 2 * fifth])


class _Networks:
    """One classifier per factor on the same codes, each with a hidden layer of its own, updated together by Adam.

    Shapes: S rows, D codes, K factors, C values of the largest factor, a logit of minus infinity for what a smaller one
    does not have.
    """

    def __init__(self, train: NDArray[np.float32], shares: list[NDArray[np.float64]], rng: np.random.Generator) -> None:
        n_codes, width, most = train.shape[1], len(shares) * _HIDDEN, max(map(len, shares))
        first = rng.normal(scale=np.sqrt(2 / n_codes), size=(width, n_codes))
        # the hinge of each unit passes through a sample: a single code of 32 values is then cut all along its range
        bias = -np.einsum("hd,hd->h", first, train[rng.integers(len(train), size=width)])
        self.first = np.column_stack([first, bias]).T.astype(np.float32)  # (D + 1, K * hidden)
        self.second = np.zeros((len(shares), _HIDDEN + 1, most), np.float32)
        # the codes are ignored at first: a block that tells nothing is best left there
        with np.errstate(divide="ignore"):
            self.prior = np.log([np.pad(share, (0, most - len(share))) for share in shares]).astype(np.float32)[:, None]
        self.rng = rng
        self.moments = [(np.zeros_like(weight), np.zeros_like(weight)) for weight in (self.first, self.second)]

    def keep(self, factors: NDArray[np.bool_]) -> None:
        """Drop the networks of all other factors."""
        units = np.repeat(factors, _HIDDEN)
        self.first, self.second, self.prior = self.first[:, units], self.second[factors], self.prior[factors]
        (first, second) = self.moments
        self.moments = [(first[0][:, units], first[1][:, units]), (second[0][factors], second[1][factors])]

    def cross_entropy(self, x: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Mean negative log-likelihood of labels (S, K) in nats, (K,)."""
        likelihood = log_softmax(self._forward(_with_ones(x))[1], axis=2)
        told = np.take_along_axis(likelihood, labels.T[:, :, None], axis=2)[..., 0]
        return np.asarray(-told.mean(axis=1, dtype=np.float64))

    def update(self, x: NDArray[np.float32], labels: NDArray[np.intp], number: int) -> None:
        """Update ``number`` (from 1) on a batch."""
        x = _with_ones(x)
        hidden, logits = self._forward(x)
        error = softmax(logits, axis=2)  # (K, S, C), the gradient by the logits
        error[np.arange(len(error))[:, None], np.arange(len(x)), labels.T] -= 1
        error /= len(x)
        back = (error @ self.second[:, :-1].transpose(0, 2, 1)) * (hidden > 0)
        second = np.concatenate([hidden.transpose(0, 2, 1) @ error, error.sum(axis=1, keepdims=True)], axis=1)
        first = x.T @ back.transpose(1, 0, 2).reshape(len(x), -1)
        rate = _RATE * min(1.0, 2 * (1 - (number - 1) / _UPDATES))
        for weight, gradient, (mean, square) in zip(
            (self.first, self.second), (first, second), self.moments, strict=True
        ):
            mean += (1 - _DECAY[0]) * (gradient - mean)
            square += (1 - _DECAY[1]) * (gradient**2 - square)
            step = np.sqrt(square / (1 - _DECAY[1] ** number)) + 1e-7
            weight -= rate / (1 - _DECAY[0] ** number) * mean / step

    def _forward(self, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Hidden units (K, S, hidden) and logits (K, S, C)."""
        hidden = np.maximum(x @ self.first, 0).reshape(len(x), len(self.second), _HIDDEN).transpose(1, 0, 2)
        return hidden, hidden @ self.second[:, :-1] + self.second[:, -1:] + self.prior


def _held_out_cross_entropy(
    networks: _Networks, x: NDArray[np.float32], labels: NDArray[np.intp], split: _Split
) -> NDArray[np.float64]:
    """Per factor, the cross-entropy on the test rows when that on the stopping rows was smallest."""
    learning = np.arange(labels.shape[1])
    least = networks.cross_entropy(x[split.stop], labels[split.stop])
    result = networks.cross_entropy(x[split.test], labels[split.test])
    waited = np.zeros(len(least), dtype=int)
    for number in range(1, _UPDATES + 1):
        rows = split.train[networks.rng.integers(len(split.train), size=_BATCH)]
        networks.update(x[rows], labels[np.ix_(rows, learning)], number)
        if number % _CHECK_EVERY:
            continue
        now = networks.cross_entropy(x[split.stop], labels[np.ix_(split.stop, learning)])
        better = now < least[learning] - _GAIN
        if better.any():
            test = networks.cross_entropy(x[split.test], labels[np.ix_(split.test, learning)])
            result[learning] = np.where(better, test, result[learning])
        least[learning] = np.where(better, now, least[learning])
        waited[learning] = np.where(better, 0, waited[learning] + 1)
        going = waited[learning] < _PATIENCE
        if not going.all():
            networks.keep(going)
            learning = learning[going]
        if not len(learning):
            break
    return result


def _with_ones(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
