#pragma once

#include <memory>
#include <optional>
#include <string>

#include "analyze/estimate.h"
#include "config/config.h"
#include "core/threads.h"
#include "egnn/model_file.h"
#include "egnn/vector_field.h"
#include "equibolt/energy.h"
#include "flow/dynamics.h"

namespace equibolt {

/// A trained network with its system, ready to sample.
class Session {
 public:
  /// From a run's folder, with its config, or from a model file that `equibolt run` wrote, which carries the
  /// config it was trained with. `overrides` may change how it is used, not what it is. Throws as load_config
  /// and read_model.
  /// `own` is the energy of a run that a program made of its own energy; UsageError where it is another.
  static Session open(const std::string& run_or_model, const std::vector<std::string>& overrides = {},
                      std::shared_ptr<const Energy> own = nullptr);

  Session(RunConfig config, Model model);

  const RunConfig& config() const { return config_; }
  const Model& model() const { return model_; }
  /// ln(Z_target/Z_prior) from the simulation that made the model's data; kept with the model.
  std::optional<Estimate> log_z() const;

  ThreadPool& pool() { return *pool_; }
  Energy& energy() { return *energy_; }
  VectorField& field() { return *field_; }
  Dynamics& dynamics() { return *dynamics_; }
  std::size_t particles() const { return config_.system.particles; }
  std::size_t dim() const { return config_.system.dim; }

 private:
  RunConfig config_;
  Model model_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Energy> energy_;
  std::unique_ptr<VectorField> field_;
  std::unique_ptr<NetworkDynamics> dynamics_;
};

/// The network that `config` describes for `energy`'s particles.
Architecture architecture_of(const RunConfig& config, const Energy& energy);

}  // namespace equibolt
