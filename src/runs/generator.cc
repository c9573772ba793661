#include "equibolt/generator.h"

#include <fmt/format.h>

#include <utility>

#include "analyze/weights.h"
#include "runs/run.h"
#include "runs/sampling.h"
#include "runs/session.h"

namespace equibolt {
namespace {

// A start for systems of a few to some tens of particles; settings override it.
constexpr const char* kOwnConfig = R"([system]
kind = "own"
particles = {}
dim = {}
[train]
steps = 20000
batch = 64
learning_rate = 2e-3
[simulate]
samples = 50000
[evaluate]
samples = 10000
test_samples = 2000
)";

void run_in(const std::string& folder, const RunConfig& config, const TrainingHooks& hooks) {
  Reporter reporter(hooks.quiet);
  run(
      config, RunFolder{folder}, {}, hooks.stop ? hooks.stop : [] { return false; }, reporter);
}

}  // namespace

class Generator::Implementation {
 public:
  explicit Implementation(Session opened) : session(std::move(opened)) {}
  Session session;
};

Generator::Generator(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Generator::Generator(Generator&&) noexcept = default;
Generator& Generator::operator=(Generator&&) noexcept = default;
Generator::~Generator() = default;

Generator Generator::train(std::shared_ptr<const Energy> energy, const std::string& folder,
                           const Settings& settings, const TrainingHooks& hooks) {
  const std::string text = fmt::format(fmt::runtime(kOwnConfig), energy->particles(), energy->dim());
  RunConfig config = parse_config(text, "settings", settings);
  config.system = own_system(energy);
  run_in(folder, config, hooks);
  return open(folder, {}, std::move(energy));
}

Generator Generator::train(const std::string& preset_or_file, const std::string& folder,
                           const Settings& settings, const TrainingHooks& hooks) {
  run_in(folder, load_config(preset_or_file, settings), hooks);
  return open(folder);
}

Generator Generator::open(const std::string& run_or_model, const Settings& settings,
                          std::shared_ptr<const Energy> energy) {
  return Generator(
      std::make_unique<Implementation>(Session::open(run_or_model, settings, std::move(energy))));
}

WeightedSamples Generator::sample(std::size_t count, std::uint64_t seed, std::size_t first) {
  return draw_samples(implementation_->session, seed, first, count);
}

WeightedSamples Generator::weigh(ConfigurationsView<const double> x) {
  return weigh_configurations(implementation_->session, x);
}

std::size_t Generator::particles() const {
  return implementation_->session.particles();
}

std::size_t Generator::dim() const {
  return implementation_->session.dim();
}

std::optional<Estimate> Generator::simulated_log_z() const {
  return implementation_->session.log_z();
}

Estimate effective_fraction(const WeightedSamples& samples) {
  return weight_quality(samples.log_weight).judged(kish_fraction(samples.log_weight, Bootstrap{}));
}

Estimate log_z(const WeightedSamples& samples) {
  return weight_quality(samples.log_weight).judged(log_mean_weight(samples.log_weight));
}

Estimate reweighted_mean(const WeightedSamples& samples, std::span<const double> values) {
  return weight_quality(samples.log_weight).judged(reweighted_mean(samples.log_weight, values));
}

}  // namespace equibolt
