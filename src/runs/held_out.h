#pragma once

#include <string>

#include "equibolt/configurations.h"
#include "runs/session.h"

namespace equibolt {

/// Whether configurations were trained on. Estimates that compare the flow with samples of the target are
/// biased where the network has seen these.
enum class HeldOut { yes, no, unknown };

/// "held out", "trained on", "unknown".
const char* name_of(HeldOut held_out);

struct HeldOutCheck {
  HeldOut held_out = HeldOut::unknown;
  std::string reason = "what the network was trained on is not known";  ///< why it is not `yes`; for people
};

/// Compares configurations (n, N, D) with all that the network of `run_or_model` was trained on: the run's
/// data, or the file that its config names as data.train, if it still has the content that was recorded.
/// Unknown for a model file, which does not record that content, where the data are not there, and for a
/// network that was trained on from another one's weights. Configurations that agree to 10⁻⁵ count as the
/// same.
HeldOutCheck check_held_out(const std::string& run_or_model, const Session& session,
                            ConfigurationsView<const double> test);

/// How many of `test` (n, N, D) agree with one of `train` (m, N, D) to 10⁻⁵ of their largest coordinate. Both
/// are centred first.
std::size_t count_shared(Configurations<double> test, Configurations<double> train);

}  // namespace equibolt
