#include "simulate/walker.h"

namespace equibolt {

void MoveScratch::prepare(std::size_t walkers, const Energy& of) {
  if (x.count() == walkers && x.particles() == of.particles() && x.dim() == of.dim()) return;
  x = momentum = gradient = Configurations<double>(walkers, of.particles(), of.dim());
  energy.resize(walkers);
  step.resize(walkers);
  start.resize(walkers);
  status.resize(walkers);
}

double half_square(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return sum / 2;
}

}  // namespace equibolt
