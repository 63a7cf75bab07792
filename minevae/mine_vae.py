"""The MINE Disentangle VAE: blocks of many latents for each factor, divided by attention, told apart by MINE.

Three players take turns. ``critics`` raise bounds on mutual information (Belghazi et al. 2018, arXiv:1801.04062).
``vae``, the outer loop, lowers the negative evidence lower bound, the total correlation between the blocks, and what a
block tells of other factors less what it tells of its own. ``attention``, the inner loop, divides the latents among the
blocks, on images held out from both. docs/mine-vae.md derives the objectives.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import Parameter

from minebench.baselines.audited import AuditView, Encoded
from minebench.baselines.contract import Batch, CodeBlocks, DataSpec, DataUse, Gaussian, Noise, Phase, Player, Terms
from minebench.baselines.latent_division import LatentDivision
from minebench.baselines.vae import VAE, bernoulli_nll
from minebench.minevae.attended import AttendedInput
from minebench.minevae.block_audit import Estimates, audit_blocks
from minebench.minevae.block_labels import BlockLabels, Seen
from minebench.minevae.block_rate import excess_rate, value_means, within_rate
from minebench.minevae.clipping import GradientClip
from minebench.minevae.correlation_terms import CorrelationTerms
from minebench.minevae.division import Division
from minebench.minevae.division_terms import capacities, division_terms
from minebench.minevae.factor_needs import FactorNeeds
from minebench.minevae.gate import CodeStatistics, gains
from minebench.minevae.gaussian_fit import GaussianFitEstimator
from minebench.minevae.mine_vae_config import MINEDisentangleVAEConfig
from minebench.minevae.monitors import GradientRatio, ReconstructionWatch, stop_if

MOST_STEPS = 1000  # of the warm-up, and of the ramp
CRITIC_NORM, ATTENTION_NORM = 10.0, 1.0  # of gradients


class MINEDisentangleVAE(VAE):
    """A VAE whose latents are divided among the factors and nuisance (see the module).

    Args:
        config: Hyperparameters.
        data: Shape and size of the data.

    Raises:
        ValueError: If labelled factors or latents are more than there are blocks for.
    """

    config: MINEDisentangleVAEConfig

    def __init__(self, config: MINEDisentangleVAEConfig, data: DataSpec) -> None:
        super().__init__(config, data)
        n_factors = config.num_factors or len(data.factor_sizes)
        self.n_blocks, n_labels = n_factors + 1, len(data.factor_sizes) if config.label_fraction else 0
        if n_labels > n_factors:
            raise ValueError(
                f"{n_labels} labelled factors need a block each; got num_factors={n_factors}: set it to null, or more"
            )
        if config.latent_dim < self.n_blocks:
            raise ValueError(
                f"{self.n_blocks} blocks need a latent each; got latent_dim={config.latent_dim}: "
                "give more latents, or a smaller num_factors"
            )
        self.likelihood = bernoulli_nll  # from the decoder's output and images to nats per image
        # of the images that outer updates see: theirs are the posteriors whose mixture q(z) is
        n_train = data.n_images - (round(config.held_out * data.n_images) if config.partition == "learned" else 0)
        self.division = Division(config, self.n_blocks)
        self.attended = None
        if config.decoder_input == "attended":
            self.attended = AttendedInput(config.latent_dim, config.factor_dim, config.attention_dim)
        self.statistics = CodeStatistics(config.latent_dim)
        self.fit = GaussianFitEstimator(config.latent_dim, n_labels, config.gaussian_fit_samples)
        self.labels = None
        if n_labels:
            self.labels = BlockLabels(config, self.n_blocks, data.factor_sizes, self.statistics, self.fit)
        self.correlation = CorrelationTerms(config, self.n_blocks, n_train)
        self.needs = FactorNeeds(config, n_factors, self.fit, self.labels.counts if self.labels else None)
        self.ratio, self.watch = GradientRatio(), ReconstructionWatch()
        critics = [*self.correlation.trained(), *(["information"] if self.labels and self.labels.critics else [])]
        self.clips = nn.ModuleDict({name: GradientClip(CRITIC_NORM) for name in critics})
        self.clips["attention"] = GradientClip(ATTENTION_NORM)
        self.n_warm_up, self.n_ramp = (
            min(round(share * data.n_steps), MOST_STEPS) for share in (config.warm_up, config.ramp)
        )

    def players(self) -> tuple[Player, ...]:
        """``critics`` (Adam's betas 0.5, 0.9), ``vae`` and ``attention``, as far as they have parameters."""
        config, attended = self.config, self.attended
        own = (*self.encoder.parameters(), *self.decoder.parameters(), *(attended.parameters() if attended else ()))
        division = tuple(parameter for parameter in self.division.parameters() if parameter.requires_grad)
        players = [
            Player("critics", self._critic_parameters(), config.critic_learning_rate, (0.5, 0.9)),
            Player("vae", own, config.learning_rate),
            Player("attention", division, config.attention_learning_rate),
        ]
        return tuple(player for player in players if player.parameters)

    def phases(self, step: int) -> tuple[Phase, ...]:
        """Critics, then one outer update; after every ``bi_level_outer_steps``-th the inner ones, warm-up excepted."""
        config, labelled = self.config, self.labels is not None
        critics = Phase("critics", config.critic_updates, labelled_batch=labelled)
        outer = Phase("vae", labelled_batch=labelled)
        inner = Phase("attention", config.bi_level_inner_steps, labelled_batch=labelled, images="held_out")
        ends_round = (step + 1) % config.bi_level_outer_steps == 0 and step >= self.n_warm_up
        return (
            *((critics,) if self._critic_parameters() else ()),
            outer,
            *((inner,) if ends_round and self.division.moves else ()),
        )

    def loss(self, player: str, batch: Batch) -> Terms:
        """What each player minimises, see the module."""
        losses = {"critics": self._critics_loss, "vae": self._outer_loss, "attention": self._inner_loss}
        return losses[player](batch)

    def decode(self, z: Tensor) -> Tensor:
        """As the parent's; with ``attended``, of codes that have attended to the factors' queries."""
        return super().decode(z if self.attended is None else self.attended(z, self.division.factors()))

    def data_use(self) -> DataUse:
        """Labels, a share of which is held out with the images that the attention learns from."""
        return DataUse(self.config.label_fraction, self.config.held_out if self.division.moves else 0.0)

    def code_blocks(self) -> CodeBlocks:
        """The latents by their owner: the block that attention gives the largest weight."""
        owner = self.division.owner().tolist()
        columns = tuple(tuple(j for j, block in enumerate(owner) if block == k) for k in range(self.n_blocks))
        return CodeBlocks(columns, named=self.labels is not None, nuisance=0)

    @torch.no_grad()
    def latent_division(self) -> LatentDivision:
        """The weights, for an image at the features' mean, with capacities through the soft gate and their targets."""
        weights: Tensor = self.division()
        complexity = self.needs.complexity(self.division.owner())
        of_blocks, target, _ = capacities(self.config, weights, self.statistics.image_share(), complexity)
        return LatentDivision(weights, of_blocks, target)

    def audit(self, view: AuditView) -> Mapping[str, float]:
        """Total correlation and information by the estimators, and by the mixture of all posteriors (block_audit)."""
        n_labels = 0 if self.labels is None else len(self.data.factor_sizes)
        return audit_blocks(
            view,
            self.code_blocks().columns,
            lambda posterior: gains(self._weights(posterior)),
            self.statistics,
            self._estimates,
            n_labels,
        )

    def strength(self, step: Tensor) -> Tensor:
        """Lambda after so many steps: 0 in the warm-up, then rising to ``disentanglement_weight``."""
        rise = (step - self.n_warm_up) / max(self.n_ramp, 1)
        return self.config.disentanglement_weight * rise.clamp(0.0, 1.0)

    def _estimates(self, drawn: Encoded, noise: Noise) -> Estimates:
        posterior, labels = drawn
        z = posterior.sample(noise)
        by_critics: set[str] = {each.name for each in self.correlation.trained().values()}
        correlation = self.correlation.values(z, posterior, self.fit, self.division.owner(), noise)
        if self.labels is None:
            return Estimates(correlation, z.new_zeros(0), frozenset(by_critics))
        told = self.labels(Seen(posterior, z, labels), gains(self._weights(posterior)), noise)
        if self.labels.critics is not None:
            by_critics.add("information")
        return Estimates(correlation, self.labels.own_information(told), frozenset(by_critics))

    def _critics_loss(self, batch: Batch) -> Terms:
        with torch.no_grad():
            z = self.encode(batch.images).sample(batch.noise)
            seen = self._seen(batch)
            gain = None if seen is None else gains(self._weights(seen.posterior))
        owner, noise = self.division.owner(), batch.noise
        parts = [
            self._critic_terms(name, estimator, partial(estimator.critic_loss, z, owner, noise))
            for name, estimator in self.correlation.trained().items()
        ]
        if seen is not None and gain is not None and self._labels().critics is not None:
            labels = self._labels()
            parts.append(self._critic_terms("information", labels, partial(labels.critic_loss, seen, gain, noise)))
        return joined(*parts)

    def _critic_terms(self, name: str, critic: nn.Module, compute: Callable[[], Tensor]) -> Terms:
        """Each critic is clipped for itself: one that runs away must not take the others' updates with it."""
        clip = cast(GradientClip, self.clips[name])
        squares = torch.stack([parameter.square().sum() for parameter in critic.parameters()]).sum()
        terms = {name: clip(critic, compute), f"weight_decay_{name}": 0.5 * self.config.critic_weight_decay * squares}
        logged = {f"norm_before_clipping_{name}": clip.norm.clone(), f"skipped_{name}": clip.n_skipped.clone()}
        return Terms(terms | logged, dict.fromkeys(logged, 0.0))

    def _outer_loss(self, batch: Batch) -> Terms:
        noise, owner, strength = batch.noise, self.division.owner(), self.strength(batch.step)
        logged = {"gradient_ratio": self.ratio.restart(), "strength": strength}
        posterior, drawn = self.encode(batch.images), noise.normal((len(batch.images), self.config.latent_dim))
        bound, blocks = self._watched(posterior)
        reconstruction = self.likelihood(self.decode(_sample(bound, drawn)), batch.images).mean()
        logged["reconstruction_exploded"] = stop_if(self.watch.exploded(reconstruction))
        weight, z = strength * self.config.tc_weight, _sample(blocks, drawn)
        parts = [
            Terms({"reconstruction": reconstruction, "kl": bound.kl().mean()}, {"kl": self.config.beta}),
            self.correlation(z, blocks, self.fit, owner, noise, weight),
        ]
        seen = self._seen(batch, watched=True)
        if seen is not None:
            gain, weight = gains(self._outer_weights(seen, noise)), strength * self.config.information_weight
            parts.append(self._labels().terms(seen, gain, noise, self.needs.weights(owner), weight))
            parts.append(self._rate_terms(seen, blocks, owner, strength))
        if self.training:
            self.statistics.update(posterior)
            self.watch.update(reconstruction)
            self.fit.add(*((posterior, None) if seen is None else (seen.posterior, seen.labels)))
        return joined(*parts, Terms(logged, dict.fromkeys(logged, 0.0)))

    def _rate_terms(self, seen: Seen, posterior: Gaussian, owner: Tensor, strength: Tensor) -> Terms:
        config, n_values = self.config, self._labels().counts.counts.shape[1]
        terms = {
            "excess_rate": excess_rate(posterior, owner, self.needs.labelled(owner), self.n_blocks),
            "within_rate": within_rate(seen.posterior, seen.labels, owner, *value_means(self.fit, n_values)),
        }
        weights = {"excess_rate": config.rate_weight, "within_rate": config.within_weight}
        return Terms(terms, {name: strength * weight if weight else 0.0 for name, weight in weights.items()})

    def _inner_loss(self, batch: Batch) -> Terms:
        with torch.no_grad():
            seen = self._seen(batch)
            posterior = self.encode(batch.images) if seen is None or self.config.tc_in_inner else seen.posterior
        found: list[Terms] = []

        def objective() -> Tensor:
            weights = self._weights(posterior if seen is None else seen.posterior)
            terms, own = self._division_terms(weights, seen, batch.noise)
            if own is not None and self.training:
                self._labels().gap.update_held_out(own)
            if self.config.tc_in_inner:
                relaxed = {"relaxed_total_correlation": self.correlation.relaxed(posterior, weights, batch.noise)}
                terms = joined(terms, Terms(relaxed, dict.fromkeys(relaxed, self.config.tc_weight)))
            found.append(terms)
            return terms.total

        clip = cast(GradientClip, self.clips["attention"])
        terms = {"objective": clip(self.division, objective)}
        logged = {name: term.detach() for name, term in found[0].terms.items()}
        logged |= {"norm_before_clipping": clip.norm.clone(), "skipped": clip.n_skipped.clone()}
        logged |= self.needs.logged(self.division.owner())
        return Terms(terms | logged, dict.fromkeys(logged, 0.0))

    def _division_terms(self, weights: Tensor, seen: Seen | None, noise: Noise) -> tuple[Terms, Tensor | None]:
        """G for weights A, and the information I_k in it, shape (L,)."""
        owner = self.division.owner()
        own = raised = None
        if seen is not None:
            own = self._labels().own_information(self._labels()(seen, gains(weights), noise))
            raised = self.needs.weights(owner)[: len(own)] * own
        share, complexity = self.statistics.image_share(), self.needs.complexity(owner)
        return division_terms(self.config, weights, share, complexity, raised), own

    def _outer_weights(self, seen: Seen, noise: Noise) -> Tensor:
        """A as it is; with ``unroll``, A after one more step down the gradient of G, as a function of the encoder."""
        weights = self._weights(seen.posterior)
        if not (self.config.unroll and self.division.moves):
            return weights.detach()
        parameters = dict(self.division.named_parameters())
        objective = self._division_terms(weights, seen, noise)[0].total
        slopes = torch.autograd.grad(objective, tuple(parameters.values()), create_graph=True)
        rate = self.config.attention_learning_rate
        ahead = {name: p.detach() - rate * slope for (name, p), slope in zip(parameters.items(), slopes, strict=True)}
        moved: Tensor = functional_call(self.division, ahead, (self._features(seen.posterior),))
        return moved

    def _weights(self, posterior: Gaussian) -> Tensor:
        weights: Tensor = self.division(self._features(posterior))
        return weights

    def _features(self, posterior: Gaussian) -> Tensor | None:
        """What moves the queries of each image: its standardised posterior means, held fixed."""
        return self.statistics.standardise(posterior.mean.detach()) if self.config.queries == "dynamic" else None

    def _seen(self, batch: Batch, *, watched: bool = False) -> Seen | None:
        if self.labels is None:
            return None
        if batch.labelled is None:
            raise ValueError("information on labels needs Batch.labelled; ask for it in the Phase")
        posterior = self.encode(batch.labelled.images)
        if watched:
            posterior = self._watched(posterior)[1]
        return Seen(posterior, posterior.sample(batch.noise), batch.labelled.labels)

    def _watched(self, posterior: Gaussian) -> tuple[Gaussian, Gaussian]:
        """The same posteriors for the evidence lower bound, and for what concerns blocks."""
        return self.ratio.watched(posterior, 1), self.ratio.watched(posterior, 0)

    def _labels(self) -> BlockLabels:
        if self.labels is None:
            raise ValueError("there are no labels to tell of; give label_fraction above 0")
        return self.labels

    def _critic_parameters(self) -> tuple[Parameter, ...]:
        return (*(self.labels.parameters() if self.labels else ()), *self.correlation.parameters())


def joined(*parts: Terms) -> Terms:
    """All terms of several losses with their weights: the sum of the losses."""
    terms = {name: term for part in parts for name, term in part.terms.items()}
    return Terms(terms, {name: weight for part in parts for name, weight in part.weights.items()})


def _sample(posterior: Gaussian, drawn: Tensor) -> Tensor:
    return posterior.mean + torch.exp(0.5 * posterior.logvar) * drawn
