#include <equibolt/equibolt.h>

#include <cstdio>

int main(int, char** argv) {
  auto generator = equibolt::Generator::open(argv[1], {"flow.steps=10"});
  const equibolt::WeightedSamples samples = generator.sample(500);
  std::printf("equibolt %s: ESS %.2f, log Z %.2f, simulated %.2f\n", equibolt::version(),
              equibolt::effective_fraction(samples).value, equibolt::log_z(samples).value,
              generator.simulated_log_z()->value);
}
