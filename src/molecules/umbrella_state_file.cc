#include "molecules/umbrella_state_file.h"

#include <cstdint>
#include <vector>

#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "runs/format_version.h"

namespace equibolt {
namespace {

constexpr std::int64_t kStateFormat = 2;

std::int64_t count_in(const Npz& npz, const char* name) {
  const auto values = npz[name].as_int64();
  if (values.size() != 1 || values[0] < 0)
    throw DataError("{}: expected one count, 0 or more", npz[name].origin);
  return values[0];
}

}  // namespace

Npz to_npz(const UmbrellaState& state, const std::string& about) {
  Npz npz;
  npz.arrays["format_version"] = Array::scalar(kStateFormat);
  npz.arrays["relaxed"] = Array::scalar(static_cast<std::int64_t>(state.relaxed));
  npz.arrays["ready"] = Array::scalar(static_cast<std::int64_t>(state.ready));
  npz.arrays["x"] = Array::of(ConfigurationsView<const double>(state.x.view()));
  npz.arrays["angles"] = Array::of(state.angles);
  npz.arrays["accepted"] = Array::of(state.accepted);
  npz.arrays["tried"] = Array::of(state.tried);
  npz.arrays["unrelaxed"] = Array::of(state.unrelaxed);
  npz.arrays["rejected"] = Array::of(state.rejected);
  npz.arrays["moved"] = Array::of(state.moved);
  npz.arrays["taken"] = Array::of(state.taken);
  npz.arrays["excess"] = Array::of(state.excess);
  npz.arrays["about"] = Array::text(about);
  return npz;
}

/// Format 1 knew whether all windows had relaxed, not how far, and had states between whole blocks alone.
UmbrellaState umbrella_state_from(const Npz& npz, const UmbrellaOptions& options, std::size_t particles) {
  require_version(npz["format_version"], kStateFormat, npz.origin);
  const std::int64_t version = count_in(npz, "format_version");
  UmbrellaState state;
  state.relaxed = static_cast<std::size_t>(count_in(npz, "relaxed"));
  if (version == 1 && state.relaxed > 0) state.relaxed = options.relax_steps;
  if (version > 1) state.ready = static_cast<std::size_t>(count_in(npz, "ready"));
  state.x = configurations_of(npz["x"], particles, 3);
  state.angles = npz["angles"].as_double();
  state.accepted = npz["accepted"].as_double();
  state.tried = npz["tried"].as_double();
  state.rejected = npz["rejected"].as_double();
  const auto later = [&](const char* name, std::vector<double> before) {
    return npz.contains(name) ? npz[name].as_double() : before;
  };
  const std::vector<double> none(state.rejected.size(), 0.0);
  state.unrelaxed = later("unrelaxed", none);
  state.moved = later("moved", none);
  state.taken = later("taken", none);
  state.excess = later("excess", {});
  return state;
}

}  // namespace equibolt
