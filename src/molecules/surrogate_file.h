#pragma once

#include <filesystem>
#include <vector>

#include "config/config.h"
#include "equibolt/configurations.h"
#include "molecules/surrogate.h"
#include "system/correction.h"

namespace equibolt {

/// What rounds leave behind.
struct Findings {
  std::vector<double> x, difference, gradient;  // (n, N, 3), (n,), (n, N, 3): target − cheap energy
  Configurations<double> last;                  // (W, N, 3)
  std::vector<SurrogateRound> rounds;
  Correction correction;
};

/// The file of a surrogate (docs/file-formats.md) that was made for `config` with the energy of `cheap`.
void write_findings(const std::filesystem::path& path, const Findings& findings, const RunConfig& config,
                    const RunConfig& cheap);

/// What rounds of this request have left. Throws UsageError where the file is of another request, DataError
/// where it is damaged.
Findings read_findings(const std::filesystem::path& path, const RunConfig& config, const RunConfig& cheap);

}  // namespace equibolt
