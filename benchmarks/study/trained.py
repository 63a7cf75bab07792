"""Critics that are trained for the study: S at once, under the four conditions that tell where an error comes from.

Exact: ``values.exact_scores``. Converged: fresh codes at every update. Offline: n codes, a fifth of which decide when
to stop. Tracking: the codes' correlation grows from half of the total correlation to all of it in 200 moves, with k
updates after each, as an encoder in training would have it.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from minebench.baselines.contract import Noise
from minebench.benchmarks.study.build import build
from minebench.benchmarks.study.cells import Cell
from minebench.benchmarks.study.distribution import Distribution, generator_for
from minebench.benchmarks.study.gaussians import GaussianCodes
from minebench.benchmarks.suggestions import UsageError
from minebench.minevae.bounds import Objective, Scores
from minebench.minevae.code_batch import CodeBatch, needed
from minebench.minevae.copula import CopulaCritics, GaussianCopula
from minebench.minevae.critic_correlation import line_splits, split_rows, tree_splits
from minebench.minevae.critic_training import CriticOptimizer, Samples, Training, train_critics
from minebench.minevae.groups import permute_groups
from minebench.minevae.mutual_information import Branches, MutualInformationEstimator

N_MOVES = 200
N_REFERENCE = 20_000  # codes that a copula is fitted to


class Trained:
    """S critics (for a line or tree: S sets of critics) after their training.

    Args:
        cell: With ``critics``.

    Attributes:
        spec: How they were trained.
        n_pairs: Critics in a set.
        training: What happened.
        seconds: Of this thread, for the training of one set.
        own_codes: Offline: the codes that each set was trained on, shape (S, n, D); else None.
    """

    def __init__(self, cell: Cell) -> None:
        self.spec = needed(cell.critics, "critics")
        self.distribution: Distribution = build(cell.distribution)
        self._size = cell.batch_size
        dim, groups = self.distribution.dim, self.distribution.groups
        make = {"line": line_splits, "tree": tree_splits}.get(self.spec.structure)
        self._splits = make(dim, groups) if make else None
        self.n_pairs = len(self._splits) if self._splits else 1
        self.own_codes: Tensor | None = None
        self._generator = generator_for(cell.seed, cell.cell_id, "training")
        self._noise = Noise(self._generator)
        objective: Objective = "dv" if self.spec.objective == "mine" else self.spec.objective
        self.estimator = MutualInformationEstimator(
            dim,
            n_pairs=self.spec.n_critics * self.n_pairs,
            hidden_dim=self.spec.hidden_dim,
            objective=objective,
            decay=0.99 if self.spec.objective == "mine" else 0.0,
            score_bound=self.spec.score_bound,
            generator=self._generator,
            critics=self._copula_critics(cell) if self.spec.structure == "copula" else None,
        )
        start = time.thread_time()
        self.training = {"converged": self._converge, "offline": self._offline, "tracking": self._track}[
            self.spec.condition
        ]()
        self.seconds = (time.thread_time() - start) / self.spec.n_critics

    @property
    def n_updates(self) -> int:
        """Updates of each critic."""
        return self.spec.n_steps + (N_MOVES * self.spec.steps_per_move if self.spec.condition == "tracking" else 0)

    def scores(self, batch: CodeBatch) -> Scores:
        """Of the S x pairs critics on a batch that is the same for all."""
        if self._splits is None:
            joint, product = batch.z, needed(batch.product, "product")
        else:  # the batch's own product has every group apart; a split keeps those of one side together
            order = Noise(torch.Generator().manual_seed(0))
            joint, product = (self._stack(part[None]) for part in split_rows(batch.z, self._splits, order))
        return self.estimator.scores(joint, product)

    def own_scores(self) -> Scores:
        """Offline: of a batch of the codes that each set of critics was trained on, drawn anew at each call.

        Raises:
            ValueError: If the critics were trained on fresh codes.
        """
        codes = needed(self.own_codes, "own_codes")
        rows = torch.randperm(codes.shape[1], generator=self._generator)[: self._size]
        return self.estimator.scores(*self._samples(codes[:, rows], self._noise))

    def model_gradient(self, z: Tensor, seed: int, branches: Branches) -> Tensor:
        """The estimates of codes (S, M, D), a copy for each set, with their gradient: shape (S,)."""
        joint, product = self._samples(z, Noise(torch.Generator().manual_seed(seed)))
        return self.sum_pairs(self.estimator.model_gradient(joint, product, branches=branches))

    def sum_pairs(self, values: Tensor) -> Tensor:
        """From (S x pairs,) to (S,)."""
        return values.view(-1, self.n_pairs).sum(1)

    def _copula_critics(self, cell: Cell) -> CopulaCritics:
        """All on one fit, to codes of their own, so that sigma_train does not hold the error of the fit."""
        generator = generator_for(cell.seed, cell.cell_id, "copula")
        fit = GaussianCopula(self.distribution.sample(N_REFERENCE, generator)[0], self.distribution.groups)
        return CopulaCritics(fit, self.spec.n_critics, self.spec.hidden_dim, generator=self._generator)

    def _samples(self, z: Tensor, noise: Noise) -> Samples:
        """Joint and product samples for each critic, (S x pairs, M, D), from codes (S, M, D)."""
        if self._splits is None:
            return z, permute_groups(z, noise, self.distribution.groups)
        joint, product = split_rows(z, self._splits, noise)
        return self._stack(joint), self._stack(product)

    def _stack(self, rows: Tensor) -> Tensor:
        """From (S or 1, pairs, M, D) to (S x pairs, M, D)."""
        return rows.expand(self.spec.n_critics, -1, -1, -1).flatten(0, 1)

    def _converge(self) -> Training:
        return self._train(self._fresh(self.distribution.sample))

    def _train(self, draw: Callable[[int], Samples], validation: Samples | None = None) -> Training:
        return train_critics(
            self.estimator,
            draw,
            n_steps=self.spec.n_steps,
            learning_rate=self.spec.learning_rate,
            betas=self.spec.betas,
            validation=validation,
        )

    def _offline(self) -> Training:
        n = needed(self.spec.n_train, "n_train")
        codes = self.distribution.sample(n, self._generator, self.spec.n_critics)
        n_checked = n // 5
        checked, learned = codes[:, :n_checked], codes[:, n_checked:]
        self.own_codes = learned

        def draw(_: int) -> Samples:
            rows = torch.randint(n - n_checked, (self._size,), generator=self._generator)
            return self._samples(learned[:, rows], self._noise)

        return self._train(draw, self._samples(checked, self._noise))

    def _track(self) -> Training:
        target = self.distribution
        if not isinstance(target, GaussianCodes):
            raise UsageError("only Gaussians move; leave the condition tracking out for other codes")
        optimizer = CriticOptimizer(self.estimator, learning_rate=self.spec.learning_rate, betas=self.spec.betas)
        for step in range(self.spec.n_steps):
            optimizer.step(*self._fresh(target.on_the_way(0.0))(step))
        for move in range(1, N_MOVES + 1):
            draw = self._fresh(target.on_the_way(move / N_MOVES))
            for step in range(self.spec.steps_per_move):
                optimizer.step(*draw(step))
        return Training(optimizer.n_skipped, torch.full_like(optimizer.n_skipped, self.n_updates))

    def _fresh(self, sample: Callable[[int, torch.Generator, int], Tensor]) -> Callable[[int], Samples]:
        def draw(_: int) -> Samples:
            return self._samples(sample(self._size, self._generator, self.spec.n_critics), self._noise)

        return draw
