#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "equibolt/energy.h"
#include "flow/integrator.h"
#include "flow/score_path.h"
#include "train/data_order.h"
#include "train/flow_matching.h"
#include "train/objective.h"

namespace equibolt {

struct PathGradientOptions {
  ScorePathOptions path;
  /// Scores at t = 0 are shortened to so many times the batch's median length: few samples, with particles
  /// much too close, would decide alone. 0: they are not.
  double cap = 2;
  std::size_t validation_batches = 4;  ///< of held-out data
};

/// As Energy::evaluate.
using EnergyOfBatch =
    std::function<void(ConfigurationsView<const double> x, std::span<double> energy,
                       ConfigurationsView<double> gradient, std::span<EnergyStatus> status)>;

/// The Kullback–Leibler divergence KL(μ‖p) of the flow from the target, minimised by path gradients (Vaitl
/// and Klein 2025, arXiv:2505.10139): by the forces −∇U, which flow matching has no use for.
///
/// Samples x1 of the target are carried back with their score −∇U. Where they arrive, at x0, their score
/// would be the prior's, −x0, if the flow were exact; the gradient is E[(s0 + x0) · ∂x0/∂θ], whose noise is
/// that of the estimated score alone and gets small as the flow gets exact. The loss is the mean of
/// −U(x1) − log p̃(x1) − log_z, an estimate of KL.
class PathGradient final : public Objective {
 public:
  /// `field` and the data have to outlive this. `log_z` is ln(Z_target/Z_prior), or 0 where it is not known:
  /// it shifts the loss. Held-out data has its densities by `densities`, as in an evaluation. Throws
  /// DataError where there is no training data.
  PathGradient(VectorField& field, const TrainingData& data, EnergyOfBatch energy,
               const PathGradientOptions& options, const IntegratorOptions& densities, double log_z,
               std::uint64_t seed, std::size_t batch);

  StepLoss loss_gradient(std::size_t step, std::span<float> gradient) override;
  double validation_loss() override;

 private:
  void take_batch(ConfigurationsView<const float> data, DataOrder& order, std::size_t step);
  StepLoss carry_back(std::size_t step);
  void cap_scores();

  VectorField& field_;
  TrainingData data_;
  EnergyOfBatch energy_;
  PathGradientOptions options_;
  IntegratorOptions densities_;
  double log_z_;
  std::uint64_t seed_;
  std::size_t batch_;
  DataOrder order_;
  ScorePath path_;
  Configurations<double> x1_, force_;
  std::vector<double> u_;
  std::vector<EnergyStatus> status_;
  Configurations<float> x_, score_;
  std::vector<double> sum_;  // of the gradient, over stages
};

}  // namespace equibolt
