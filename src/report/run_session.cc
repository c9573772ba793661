#include "report/run_session.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <variant>

#include "equibolt/energy.h"
#include "runs/energy_inputs.h"

namespace equibolt {
namespace {

class AbsentEnergy final : public Energy {
 public:
  explicit AbsentEnergy(const Architecture& architecture)
      : types_(architecture.types), dim_(architecture.dim) {}
  std::size_t particles() const override { return types_.size(); }
  std::size_t dim() const override { return dim_; }
  const ParticleTypes& types() const override { return types_; }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<AbsentEnergy>(*this); }
  void evaluate(ConfigurationsView<const double>, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    std::fill(energy.begin(), energy.end(), std::numeric_limits<double>::infinity());
    std::fill(gradient.values().begin(), gradient.values().end(), 0.0);
    std::fill(status.begin(), status.end(), EnergyStatus::failed);
  }

 private:
  ParticleTypes types_;
  std::size_t dim_;
};

}  // namespace

Session session_of_run(const RunFolder& folder) {
  Model model = read_model(folder.model());
  RunConfig config = config_of_run(folder);
  if (auto* own = std::get_if<OwnEnergy>(&config.system.kind))
    own->prototype = std::make_shared<AbsentEnergy>(model.architecture);
  return {std::move(config), std::move(model)};
}

}  // namespace equibolt
