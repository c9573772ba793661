#include "simulate/relax.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace equibolt {

void relax(Energy& energy, ConfigurationsView<double> x, std::span<double> energies,
           ConfigurationsView<double> gradient) {
  constexpr int steps = 200;
  constexpr double first_move = 0.1;
  std::vector<EnergyStatus> status(x.count());
  for (int step = 0; step < steps; ++step) {
    energy.evaluate(x, energies, gradient, status);
    const double move = first_move * std::exp(-4.0 * step / steps);
    for (std::size_t b = 0; b < x.count(); ++b) {
      double largest = 0;
      for (const double g : gradient[b]) largest = std::max(largest, std::abs(g));
      if (largest == 0) continue;
      for (std::size_t k = 0; k < x.coordinates(); ++k) x[b][k] -= move * gradient[b][k] / largest;
    }
  }
  energy.evaluate(x, energies, gradient, status);
}

}  // namespace equibolt
