#include "system/checked_energy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include "core/threads.h"
#include "equibolt/error.h"
#include "system/evaluated.h"
#include "system/make_energy.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What a program may do wrong with configuration 2 of a batch.
using Fault = std::function<void(double& energy, std::span<double> gradient, EnergyStatus& status)>;

class Own final : public Energy {
 public:
  explicit Own(Fault fault, ParticleTypes types = ParticleTypes(3, 0))
      : fault_(std::move(fault)), types_(std::move(types)) {}
  std::size_t particles() const override { return 3; }
  std::size_t dim() const override { return 2; }
  const ParticleTypes& types() const override { return types_; }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Own>(*this); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      energy[b] = 1;
      status[b] = EnergyStatus::ok;
      const auto slope = gradient.size() > 0 ? gradient[b] : std::span<double>();
      std::fill(slope.begin(), slope.end(), 0.5);
      if (b == 2) fault_(energy[b], slope, status[b]);
    }
  }

 private:
  Fault fault_;
  ParticleTypes types_;
};

std::string refused(const Fault& fault) {
  CheckedEnergy energy(std::make_unique<Own>(fault));
  Configurations<double> x(4, 3, 2);
  x[2][1] = -0.25;
  try {
    (void)evaluated(*energy.clone(), x.view());
  } catch (const NumericalError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(CheckedEnergy, NamesTheConfigurationWhoseEnergyIsNoNumber) {
  for (const double value : {std::nan(""), -kInfinity}) {
    const std::string message = refused([=](double& energy, auto, EnergyStatus&) { energy = value; });
    EXPECT_NE(message.find(fmt::format("gave the energy {} with the status ok for configuration 2", value)),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("x = 0 -0.25 0"), std::string::npos) << message;
    EXPECT_NE(message.find("EnergyStatus::not_finite"), std::string::npos) << message;
  }
  const std::string message =
      refused([](double&, std::span<double> gradient, EnergyStatus&) { gradient[5] = kInfinity; });
  EXPECT_NE(message.find("gave the gradient inf"), std::string::npos) << message;
}

TEST(CheckedEnergy, MakesOfAFailureWhatTheContractSays) {
  const Fault failures[] = {
      [](double& energy, auto, EnergyStatus&) { energy = kInfinity; },
      [](double& energy, std::span<double> gradient, EnergyStatus& status) {
        energy = std::nan("");
        gradient[0] = std::nan("");
        status = EnergyStatus::not_finite;
      },
  };
  for (const Fault& fault : failures) {
    CheckedEnergy energy(std::make_unique<Own>(fault));
    const Evaluated found = evaluated(energy, Configurations<double>(4, 3, 2).view());
    EXPECT_EQ(found.status[2], EnergyStatus::not_finite);
    EXPECT_EQ(found.energy[2], kInfinity);
    for (const double g : found.gradient[2]) EXPECT_EQ(g, 0);
    EXPECT_EQ(found.status[3], EnergyStatus::ok);
    EXPECT_EQ(found.energy[3], 1);
    EXPECT_EQ(found.gradient[3][0], 0.5);
  }
}

TEST(CheckedEnergy, MakesAnErrorOfWhateverIsThrownInAnyThread) {
  ThreadPool pool(2);
  const auto evaluate = [&](const Fault& fault) {
    ParallelEnergy energy(CheckedEnergy(std::make_unique<Own>(fault)), pool);
    (void)evaluated(energy, Configurations<double>(200, 3, 2).view());
  };
  EXPECT_THROW(evaluate([](auto&, auto, auto&) { throw 7; }), NumericalError);
  EXPECT_THROW(evaluate([](auto&, auto, auto&) { throw std::out_of_range("mine"); }), std::out_of_range);
}

TEST(CheckedEnergy, ForgetsWithTheEnergyInIt) {
  /// U counts the calls since it last forgot.
  class Counting final : public Energy {
   public:
    std::size_t particles() const override { return 3; }
    std::size_t dim() const override { return 2; }
    const ParticleTypes& types() const override { return types_; }
    std::unique_ptr<Energy> clone() const override { return std::make_unique<Counting>(*this); }
    void forget() override { calls_ = 0; }
    void evaluate(ConfigurationsView<const double> x, std::span<double> energy, ConfigurationsView<double>,
                  std::span<EnergyStatus> status) override {
      ++calls_;
      std::fill(energy.begin(), energy.end(), calls_);
      std::fill_n(status.begin(), x.count(), EnergyStatus::ok);
    }

   private:
    double calls_ = 0;
    ParticleTypes types_ = ParticleTypes(3, 0);
  };
  CheckedEnergy energy(std::make_unique<Counting>());
  const Configurations<double> x(1, 3, 2);
  EXPECT_EQ(energies_of(energy, x.view()).energy[0], 1);
  EXPECT_EQ(energies_of(energy, x.view()).energy[0], 2);
  energy.forget();
  EXPECT_EQ(energies_of(energy, x.view()).energy[0], 1);
}

TEST(CheckedEnergy, WantsATypeForEachParticle) {
  const auto own = [](ParticleTypes types) {
    return std::make_shared<Own>([](auto&, auto, auto&) {}, std::move(types));
  };
  EXPECT_NO_THROW(make_energy(own_system(own({0, 2, 2}))));
  for (const ParticleTypes& types : {ParticleTypes{0, 0, 0, 0}, ParticleTypes{0, 0}, ParticleTypes{},
                                     ParticleTypes{0, -1, 0}, ParticleTypes{0, 1, kMostTypes}}) {
    EXPECT_THROW(own_system(own(types)), UsageError);
  }
  EXPECT_THROW(own_system(nullptr), UsageError);
}

}  // namespace
}  // namespace equibolt
