#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "equibolt/configurations.h"

namespace equibolt {

// Data of a simulation with simulate.bias are samples of exp(−U − b): training takes them as they are, and
// whatever is of U itself gives each the weight exp(b).

/// The bias of a file of configurations.
struct BiasOfData {
  std::vector<double> energy;  ///< (n,): b, kT; empty where there is none
  std::string is;              ///< simulate.bias of that simulation
};
/// Nothing for a path that is empty or no .npz file. Throws DataError where it does not fit the
/// configurations.
BiasOfData bias_of_data(const std::filesystem::path& path);

/// x (n, N, D), read from `path`, as samples of exp(−U): all where they have no bias; else each is kept with
/// a probability proportional to exp(b), always the same ones.
template <typename T>
Configurations<T> unbiased(const std::filesystem::path& path, Configurations<T> x);

}  // namespace equibolt
