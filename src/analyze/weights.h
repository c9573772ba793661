#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyze/bootstrap.h"
#include "analyze/estimate.h"

namespace equibolt {

/// Importance weights w of independent samples, given as ln w (N,): for a flow, ln w = −U(x) − ln p̃(x) where
/// ln p̃ leaves out the prior's constant. −∞ is a weight of zero, which is how a sample counts whose energy
/// failed. NaN or +∞ throws NumericalError with the index.

/// w / Σ w. Throws NumericalError if all weights are zero.
std::vector<double> normalised_weights(std::span<const double> log_weights);

/// Kish's effective sample size as a fraction of N, (Σ w)² / (N Σ w²); 0 if all weights are zero.
double kish_fraction(std::span<const double> log_weights);
/// The same with its error, by a bootstrap (`options.block` is not used) whose tail is smooth: a weight that
/// is drawn from the largest M = min(N/5, 3√N) is replaced by one from the generalised Pareto distribution of
/// pareto_k, whose shape varies by seven tenths of its own standard error. Σ w² depends on weights larger
/// than all that were met, which a plain bootstrap cannot draw: its error is up to 1.8 times too small. Of
/// few samples the error is too large rather than too small. The error is that of the fraction's mean at this
/// N, which itself falls with N where the tails are heavy. Throws NumericalError if all weights are zero.
Estimate kish_fraction(std::span<const double> log_weights, const Bootstrap& options);

/// Kish's fraction of the weights that are left when the largest `share` of them is dropped: what a part of
/// the literature quotes as the effective sample size (with 0.002). It says nothing about the tail, which it
/// removes: 8 % instead of 1.4 % for log-normal weights.
double trimmed_kish_fraction(std::span<const double> log_weights, double share = 0.002);

/// The largest weight's share of the sum; 1 if all weights are zero.
double largest_share(std::span<const double> log_weights);

/// ln of the mean weight, which estimates ln(Z_target / Z_prior) for samples of the flow. The error is that
/// of the mean by the delta method. Throws NumericalError if all weights are zero.
Estimate log_mean_weight(std::span<const double> log_weights);

/// Σ w a / Σ w with its delta-method error √(Σ w² (a − ā)²) / Σ w. Values whose weight is zero are not looked
/// at. Throws NumericalError if all weights are zero.
Estimate reweighted_mean(std::span<const double> log_weights, std::span<const double> values);

/// Kish's fraction of sets of n weights.
struct FractionAtSize {
  std::size_t n;
  Estimate fraction;
};
/// For n = N, N/2, N/4, … down to 100: the mean over disjoint sets of n with its standard error, from their
/// spread where there are at least 8 of them, else from the bootstrap. A fraction that falls as n grows has
/// not met its tail yet.
std::vector<FractionAtSize> kish_against_size(std::span<const double> log_weights,
                                              const Bootstrap& options = {});

/// k̂, the shape of the generalised Pareto distribution that fits the M = min(N/5, 3√N) largest weights
/// (Vehtari et al., Pareto smoothed importance sampling, JMLR 25, 2024; fit of Zhang and Stephens,
/// Technometrics 51, 316, 2009). The weights' variance is infinite from 0.5 on; above 0.7 neither the
/// effective sample size nor any other error bar can be trusted. Zero weights are left out. 0 if the largest
/// weights are all the same; ∞ if fewer than 25 weights are not zero.
double pareto_k(std::span<const double> log_weights);

/// Whether averages over weights have an error bar. Where one sample has nearly all the weight, every formula
/// for the error sees no spread and gives almost zero, so that no error at all is the honest answer.
struct WeightQuality {
  double effective;  ///< Kish's effective number of samples
  double pareto_k;

  static constexpr double least_effective = 10;
  static constexpr double largest_pareto_k = 0.7;

  /// Why averages over these weights have no error bar, for people; empty where they have one.
  std::string doubt() const;
  /// The estimate, with an infinite error where there is a doubt.
  Estimate judged(const Estimate& estimate) const;
};
WeightQuality weight_quality(std::span<const double> log_weights);

/// One sentence on whether averages over the weights are to be trusted.
struct WeightVerdict {
  bool trusted = false;
  std::string text;  ///< "the weights can be trusted: …" or "the weights cannot be trusted, because …"
};
/// From all that the weights say of themselves and, where `forward` has a value, what samples of the target
/// say: `quality.doubt()`; an error of Kish's fraction of more than a quarter of it; a fraction that falls by
/// more than a quarter while n grows fourfold; a `forward` fraction less than half as large.
WeightVerdict weight_verdict(const WeightQuality& quality, std::span<const FractionAtSize> against_size,
                             std::optional<double> forward);

/// The flow's effective sample size, as a fraction, seen from the target: from ln w at samples of the target,
/// N² / (Σ w Σ 1/w). It finds modes that the flow never visits. For x ~ μ ∝ w p, E_μ[w] = E_p[w²] / E_p[w]
/// and E_μ[1/w] = 1 / E_p[w], so that 1 / (E_μ[w] E_μ[1/w]) = E_p[w]² / E_p[w²]. 0 if any weight is zero.
double forward_kish_fraction(std::span<const double> log_weights_of_target_samples);

}  // namespace equibolt
