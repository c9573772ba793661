#pragma once

#include <filesystem>
#include <memory>

#include "config/config.h"
#include "equibolt/configurations.h"
#include "equibolt/energy.h"
#include "io/npz.h"
#include "runs/request.h"

namespace equibolt {

// What simulations read from the file of `equibolt surrogate` (docs/file-formats.md), which
// molecules/surrogate_file.h writes.

inline constexpr std::int64_t kSurrogateFormat = 2;

/// A cheaper energy in the stead of a costly one: another energy and a correction to it
/// (system/correction.h).
struct Surrogate {
  std::unique_ptr<Energy> energy;
  Configurations<double> frames;  ///< (n, N, 3): met last when it was made
};

/// The surrogate of that path or name (surrogate_path). Throws UsageError where it is one of another energy
/// than config.system, or where the files of its cheaper energy have changed; DataError where it is damaged.
Surrogate read_surrogate(const RunConfig& config, const std::string& name);

/// The arrays of the file. Throws DataError for a format that is not known, or too old.
Npz read_surrogate_arrays(const std::filesystem::path& path);

/// Which energy a config has: all of its system but what changes no energy.
Request request_of_energy(const RunConfig& config);

/// The cheaper energy that a surrogate was made with, as request_of_energy would give it.
std::string request_of_cheap_energy(const Npz& npz);

}  // namespace equibolt
