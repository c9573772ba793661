#include "simulate/simulation_file.h"

#include <string>
#include <vector>

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// 2: with `mover` and `ready`, which format 1 did not have. 3: with the target above a cheaper energy's
/// ladder.
constexpr std::int64_t format_version = 3;

/// Calls visit(name, member) for all that the state holds; `State` may be const.
template <typename State, typename Visit>
void visit_members(State& state, Visit visit) {
  visit("iteration", state.iteration);
  visit("thinning", state.thinning);
  visit("moves", state.moves);
  visit("lambda", state.lambda);
  visit("step_size", state.step_size);
  visit("x", state.x);
  visit("gradient", state.gradient);
  visit("energy", state.energy);
  visit("renewed", state.renewed);
  visit("acceptance", state.acceptance);
  visit("exchange", state.exchange);
  visit("exchange_tries", state.exchange_tries);
  visit("renewals", state.renewals);
  visit("pilot", state.pilot);
  visit("samples", state.samples);
  visit("sample_energy", state.sample_energy);
  visit("sample_half_square", state.sample_half_square);
}

template <typename State, typename Visit>
void visit_members_of_format_2(State& state, Visit visit) {
  visit("mover", state.mover);
  visit("ready", state.ready);
}

template <typename State, typename Visit>
void visit_members_of_format_3(State& state, Visit visit) {
  visit("target_x", state.target.x);
  visit("target_energy", state.target.energy);
  visit("target_gradient", state.target.gradient);
  visit("target_cheap_energy", state.target.cheap_energy);
  visit("target_cheap_gradient", state.target.cheap_gradient);
  visit("target_asked_energy", state.target.asked_energy);
  visit("target_asked_cheap", state.target.asked_cheap);
  visit("target_asked_gradient", state.target.asked_gradient);
  visit("target_acceptance", state.target.acceptance);
  visit("target_tries", state.target.tries);
  visit("target_asked", state.target.asked);
  visit("target_failed", state.target.failed);
  visit("sample_target", state.sample_target);
  visit("sample_cheap", state.sample_cheap);
  visit("sample_gradient", state.sample_gradient);
}

struct Save {
  Npz& npz;
  void operator()(const char* name, std::uint64_t value) {
    npz.arrays[name] = Array::scalar(static_cast<std::int64_t>(value));
  }
  template <typename T>
  void operator()(const char* name, const std::vector<T>& values) {
    npz.arrays[name] = Array::of(values);
  }
  void operator()(const char* name, const std::string& text) { npz.arrays[name] = Array::text(text); }
  void operator()(const char* name, const Configurations<double>& x) {
    npz.arrays[name] = Array::of(x.view());
  }
};

struct Load {
  const Npz& npz;
  void operator()(const char* name, std::uint64_t& value) {
    const auto values = npz[name].as_int64();
    if (values.size() != 1 || values[0] < 0) {
      throw DataError("{}: expected one count, 0 or more", npz[name].origin);
    }
    value = static_cast<std::uint64_t>(values[0]);
  }
  void operator()(const char* name, std::string& text) { text = npz[name].as_text(); }
  void operator()(const char* name, std::vector<double>& values) { values = npz[name].as_double(); }
  void operator()(const char* name, std::vector<float>& values) { values = npz[name].as_float(); }
  void operator()(const char* name, Configurations<double>& x) {
    const Array& array = npz[name];
    if (array.shape.size() != 3) {
      throw DataError("{}: expected shape (B, N, D), found {}", array.origin, shape_text(array.shape));
    }
    x = Configurations<double>(array.shape[0], array.shape[1], array.shape[2]);
    const auto values = array.as_double();
    std::copy(values.begin(), values.end(), x.data());
  }
};

}  // namespace

Npz to_npz(const SimulationState& state) {
  Npz npz;
  npz.arrays["format_version"] = Array::scalar(format_version);
  visit_members(state, Save{npz});
  visit_members_of_format_2(state, Save{npz});
  if (!state.target.empty()) visit_members_of_format_3(state, Save{npz});
  return npz;
}

SimulationState simulation_state_from(const Npz& npz) {
  const auto version = npz["format_version"].as_int64();
  if (version.size() != 1 || version[0] < 1 || version[0] > format_version) {
    throw DataError("{}: expected format version 1 to {} of a simulation's state", npz.origin,
                    format_version);
  }
  SimulationState state;
  visit_members(state, Load{npz});
  if (version[0] >= 2) visit_members_of_format_2(state, Load{npz});
  if (npz.arrays.contains("target_energy")) visit_members_of_format_3(state, Load{npz});
  return state;
}

}  // namespace equibolt
