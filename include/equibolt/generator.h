#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "equibolt/energy.h"
#include "equibolt/samples.h"

namespace equibolt {

/// Values of config keys, as "train.steps=3000"; docs/config.md lists them.
using Settings = std::vector<std::string>;

/// What a training tells and asks while it works.
struct TrainingHooks {
  std::function<bool()> stop = {};  ///< true: keep a checkpoint and throw Stopped; may be empty
  bool quiet = false;               ///< say nothing on standard error but warnings
};

/// A Boltzmann generator: a trained flow with the energy of its target. One thread at a time may use it;
/// inside it uses as many as the setting `threads` says.
class Generator {
 public:
  /// Simulates the target, trains a flow and evaluates it, all in `folder` as `equibolt run` does, and opens
  /// the result. Called again it goes on from where it was stopped or killed. Throws UsageError for settings
  /// without sense or a folder of another run, Stopped, and what else equibolt/error.h names.
  static Generator train(std::shared_ptr<const Energy> energy, const std::string& folder,
                         const Settings& settings = {}, const TrainingHooks& hooks = {});
  /// The same of a built-in system: the name of a preset, or a config file.
  static Generator train(const std::string& preset_or_file, const std::string& folder,
                         const Settings& settings = {}, const TrainingHooks& hooks = {});

  /// From a run's folder or a model file. A run of an own energy needs that energy. `settings` may change how
  /// it is used (keys of flow, threads), not what it is.
  static Generator open(const std::string& run_or_model, const Settings& settings = {},
                        std::shared_ptr<const Energy> energy = nullptr);

  Generator(Generator&&) noexcept;
  Generator& operator=(Generator&&) noexcept;
  ~Generator();

  /// Samples first, …, first + count − 1 of `seed`: independent, with density, energy and weight. Sample i
  /// depends on the model, the seed and i alone.
  WeightedSamples sample(std::size_t count, std::uint64_t seed = 1, std::size_t first = 0);

  /// The same quantities for given configurations (B, N, D), which are centred first.
  WeightedSamples weigh(ConfigurationsView<const double> x);

  std::size_t particles() const;
  std::size_t dim() const;
  /// ln(Z_target/Z_prior) from the simulation that made the training data, where there was one.
  std::optional<Estimate> simulated_log_z() const;

 private:
  class Implementation;
  explicit Generator(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace equibolt
