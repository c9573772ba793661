#include "report/published.h"

#include "config/config_table.h"

namespace equibolt {
namespace {

const char* const kPaper = "paper, table 1";
const char* const kLater = "published version, table 1";
const char* const kTempering = "parallel tempering with BAR";

// The paper's first version judged LJ13 and LJ55 by test sets that were not in equilibrium: their NLL lie
// below what a perfect model can reach on data that is.
const std::vector<KnownSystem>& known_systems() {
  static const std::vector<KnownSystem> systems{{"dw4",
                                                 {24.153601, 0},
                                                 "quadrature",
                                                 {{"likelihood", kPaper, 1.72, 87.03, 3.11},
                                                  {"OT flow matching", kPaper, 1.70, 92.37, 2.93},
                                                  {"equivariant OT", kPaper, 1.68, 91.24, 2.92},
                                                  {"likelihood", kLater, 1.72, 86.87, 3.11},
                                                  {"OT flow matching", kLater, 1.70, 92.37, 2.94},
                                                  {"equivariant OT", kLater, 1.68, 88.71, 2.92}}},
                                                {"lj13",
                                                 {26.77, 0.03},
                                                 kTempering,
                                                 {{"likelihood", kPaper, -16.28, 32.11, 5.08},
                                                  {"OT flow matching", kPaper, -16.54, 38.38, 2.83},
                                                  {"equivariant OT", kPaper, -16.70, 39.67, 2.15},
                                                  {"likelihood", kLater, -15.83, 39.78, 5.08},
                                                  {"OT flow matching", kLater, -16.09, 54.36, 2.84},
                                                  {"equivariant OT", kLater, -16.07, 57.98, 2.15}}},
                                                {"lj55",
                                                 {235.2, 0.2},
                                                 kTempering,
                                                 {{"OT flow matching", kPaper, -94.43, 1.43, 7.53},
                                                  {"equivariant OT", kPaper, -97.93, 2.38, 3.52},
                                                  {"OT flow matching", kLater, -88.45, 3.7, std::nullopt},
                                                  {"equivariant OT", kLater, -89.27, 4.4, std::nullopt}}}};
  return systems;
}

std::string system_text(RunConfig config) {
  std::string text;
  for (const ConfigKey& key : config_table(config)) {
    if (key.name.starts_with("system.") && !is_observation(key.name))
      text += key.name + " = " + key.text() + '\n';
  }
  return text;
}

}  // namespace

const KnownSystem* known_system(const RunConfig& config) {
  for (const KnownSystem& known : known_systems()) {
    if (system_text(load_config(known.preset)) == system_text(config)) return &known;
  }
  return nullptr;
}

}  // namespace equibolt
