#include "runs/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <sstream>

#include "analyze/distribution.h"
#include "equibolt/error.h"
#include "observables/state.h"
#include "runs/analysis_input.h"
#include "runs/analysis_json.h"
#include "runs/json_numbers.h"
#include "system/molecule_options.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

/// The observables of one input, in the request's order, and their values.
struct Observed {
  std::vector<Observable> observables;
  std::vector<ObservedValues> values;  // empty for umbrella sampling
};

/// The energies of configurations whose file has none, computed.
std::vector<double> energies_of(const AnalysisInput& input, ThreadPool& pool, Reporter& reporter) {
  if (!input.config) {
    throw UsageError("{}: has no energies, and no config says how to compute them: name it with --config",
                     input.path);
  }
  reporter.say("{}: computing the energies of {} configurations", input.path, input.x.count());
  const std::unique_ptr<Energy> prototype = make_energy(input.config->system);
  ParallelEnergy energy(*prototype, pool);
  Configurations<double> x = input.x;
  std::vector<double> energies(x.count());
  std::vector<EnergyStatus> status(x.count());
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (!input.usable[b]) std::fill(x[b].begin(), x[b].end(), 0.0);
  }
  energy.evaluate(x.view(), energies, {}, status);
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (!input.usable[b] || status[b] != EnergyStatus::ok) energies[b] = INFINITY;
  }
  return energies;
}

Observed observe(const AnalysisInput& input, const std::vector<std::string>& texts, ThreadPool& pool,
                 Reporter& reporter) {
  Observed observed;
  for (const std::string& text : texts) {
    for (Observable& observable : parse_observables(input.system, text, "--observable")) {
      const auto same = [&](const Observable& other) { return other.name == observable.name; };
      const auto known = std::ranges::find_if(observed.observables, same);
      if (known == observed.observables.end()) {
        observed.observables.push_back(std::move(observable));
      } else if (known->definition != observable.definition) {
        throw UsageError("--observable: there are two observables of the name '{}'", observable.name);
      }
    }
  }
  if (input.sets.empty()) return observed;
  for (const Observable& observable : observed.observables) {
    if (observable.is_energy()) {
      observed.values.push_back(
          {input.energy.empty() ? energies_of(input, pool, reporter) : input.energy, 1, false});
    } else {
      observed.values.push_back(values_of(observable, input.x.view(), input.usable, pool));
    }
  }
  return observed;
}

/// What is looked at where nothing is asked for: what the config names, else two that every system has.
std::vector<std::string> default_observables(const AnalysisInput& input) {
  std::vector<std::string> names;
  for (const Observable& observable : input.system.named) names.push_back(observable.name);
  if (!names.empty()) return names;
  names.push_back("gyration");
  if (!input.energy.empty()) names.push_back("energy");
  return names;
}

/// The request with the observables of its states and maps, and with what is looked at by default.
AnalysisRequest completed(AnalysisRequest request, const AnalysisInput& first) {
  if (request.observables.empty() && request.maps.empty() && request.states.empty())
    request.observables = default_observables(first);
  if (request.states.empty() && first.config) {
    const MoleculeOptions* molecule = molecule_options_of(first.config->system);
    if (molecule != nullptr && !molecule->state.empty()) request.states.push_back(molecule->state);
  }
  std::vector<Observable> known;
  for (const std::string& text : request.observables) {
    for (Observable& o : parse_observables(first.system, text, "--observable")) known.push_back(std::move(o));
  }
  const auto is_known = [&](const std::string& name) {
    return std::ranges::find(known, name, &Observable::name) != known.end();
  };
  const auto add = [&](const std::string& text, std::string_view what) {
    if (is_known(text)) return;
    known.push_back(parse_observable(first.system, text, what));
    request.observables.push_back(text);
  };
  for (const auto& [a, b] : request.maps) {
    add(a, "--map");
    add(b, "--map");
  }
  // States name observables that have been asked for, or those that need no definition.
  for (const std::string& state : request.states) {
    std::istringstream parts(state);
    for (std::string part, name; std::getline(parts, part, ',');) {
      if (!(std::istringstream(part) >> name)) continue;
      const auto& named = first.system.named;
      const bool has_name = std::ranges::find(named, name, &Observable::name) != named.end();
      if (has_name || name == "gyration" || name == "energy") add(name, "--state");
    }
  }
  return request;
}

/// Labels of sets are "INPUT: set" where there are several inputs.
std::string label_of(const AnalysisInput& input, const std::string& set, const AnalysisRequest& request) {
  if (request.inputs.size() == 1) return set;
  const auto name = [](const std::string& path) {
    const auto plain = std::filesystem::path(path + "/.").lexically_normal().parent_path();
    return plain.has_stem() ? plain.stem().string() : path;
  };
  const auto same = std::ranges::count_if(
      request.inputs, [&](const std::string& other) { return name(other) == name(input.path); });
  return fmt::format("{}: {}", same > 1 ? input.path : name(input.path), set);
}

/// How many of the configurations are mirror images, other stereoisomers, other molecules: their share of the
/// weight.
Json identities_json(const AnalysisInput& input, const SampleSet& set) {
  Json json = Json::object();
  const auto share = [&](const char* name, Identity identity) {
    std::vector<double> is(input.identities.size());
    for (std::size_t b = 0; b < is.size(); ++b) is[b] = input.identities[b] == identity ? 1 : 0;
    put_estimate(json, name, mean_over(set, is));
  };
  if (is_chiral(*input.system.molecule)) share("mirrored", Identity::mirrored);
  share("other_stereoisomer", Identity::other_hand);
  share("other_bonds", Identity::other_bonds);
  return json;
}

Json set_json(const AnalysisInput& input, const AnalysisSet& set, const AnalysisRequest& request) {
  Json json{{"label", label_of(input, set.label, request)},
            {"input", input.path},
            {"kind", input.kind},
            {"samples", input.x.count()},
            {"failed", set.failed}};
  if (set.ess) put_estimate(json, "ess", *set.ess);
  if (set.pareto_k) json["pareto_k"] = number_json(*set.pareto_k);
  if (!set.samples.chains.empty()) json["chains"] = set.samples.chains.size();
  if (!input.identities.empty()) json["identities"] = identities_json(input, set.samples);
  json["warnings"] = Json::array();
  if (!set.samples.doubt.empty()) json["warnings"].push_back("no error bars: " + set.samples.doubt);
  return json;
}

/// The set without records whose values are not finite, and how many there are.
std::pair<SampleSet, std::size_t> with_values(const SampleSet& set, const ObservedValues& values,
                                              const std::string& label, const std::string& name) {
  const std::vector<bool> finite = finite_records(values);
  std::size_t left_out = 0, used = 0;
  for (std::size_t b = 0; b < finite.size(); ++b) {
    if (set.weights[b] > 0) ++(finite[b] ? used : left_out);
  }
  if (used < 2)
    throw DataError("{}: {} samples with a finite value of '{}', at least 2 expected", label, used, name);
  return {without(set, finite), left_out};
}

/// The profile of umbrella sampling along the dihedral of its state, if `observable` is that.
void add_umbrella_profile(Json& profiles, const AnalysisInput& input, const Observable& observable,
                          const AnalysisRequest& request) {
  std::string name;
  std::istringstream(input.umbrella.at("state").get<std::string>()) >> name;
  if (name != observable.name) return;
  profiles.push_back({{"set", label_of(input, "umbrella", request)},
                      {"columns", input.umbrella.at("profile").at("columns")},
                      {"rows", input.umbrella.at("profile").at("rows")}});
}

class Analysis {
 public:
  Analysis(AnalysisRequest request, std::vector<AnalysisInput> inputs, Reporter& reporter)
      : request_(std::move(request)), inputs_(std::move(inputs)) {
    ThreadPool pool;
    for (const AnalysisInput& input : inputs_)
      observed_.push_back(observe(input, request_.observables, pool, reporter));
  }

  Json json() const {
    Json json;
    json["sets"] = Json::array();
    for (const AnalysisInput& input : inputs_) {
      for (const AnalysisSet& set : input.sets) json["sets"].push_back(set_json(input, set, request_));
    }
    json["observables"] = Json::array();
    for (std::size_t o = 0; o < observables().size(); ++o) json["observables"].push_back(observable_json(o));
    json["states"] = Json::array();
    for (const std::string& state : request_.states) json["states"].push_back(state_json(state));
    json["maps"] = Json::array();
    for (const auto& [first, second] : request_.maps) json["maps"].push_back(map_json(first, second));
    return json;
  }

 private:
  const std::vector<Observable>& observables() const { return observed_[0].observables; }

  /// Of an observable that was asked for, by its name or definition.
  std::size_t index_of(const std::string& text) const {
    auto found = std::ranges::find(observables(), text, &Observable::name);
    if (found == observables().end()) {
      const std::string name = parse_observable(inputs_[0].system, text, "--map").name;
      found = std::ranges::find(observables(), name, &Observable::name);
    }
    return static_cast<std::size_t>(found - observables().begin());
  }

  /// f(input, set, samples of set with finite values of all of `which`, number left out, label).
  template <typename F>
  void for_sets(const std::vector<std::size_t>& which, const F& f) const {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      for (const AnalysisSet& set : inputs_[i].sets) {
        const std::string label = label_of(inputs_[i], set.label, request_);
        SampleSet samples = set.samples;
        std::size_t left_out = 0;
        for (const std::size_t o : which) {
          auto [rest, lost] = with_values(samples, observed_[i].values[o], label, observables()[o].name);
          samples = std::move(rest);
          left_out += lost;
        }
        f(observed_[i], samples, left_out, label);
      }
    }
  }

  Bins bins_of(std::size_t o, std::size_t count) const {
    std::vector<SampleSet> sets;
    std::vector<const ObservedValues*> values;
    for_sets({o}, [&](const Observed& observed, const SampleSet& samples, std::size_t, const std::string&) {
      sets.push_back(samples);
      values.push_back(&observed.values[o]);
    });
    std::vector<SetOfValues> all;
    for (std::size_t k = 0; k < sets.size(); ++k) all.push_back({&sets[k], values[k]});
    return common_bins(all, count);
  }

  Json observable_json(std::size_t o) const {
    const Observable& observable = observables()[o];
    const Bins bins = bins_of(o, request_.bins);
    Json json{{"name", observable.name},         {"definition", observable.definition},
              {"unit", observable.unit},         {"axis", observable.axis()},
              {"periodic", observable.periodic}, {"values_per_sample", observable.per_sample},
              {"bins", bins_json(bins)},         {"sets", Json::array()},
              {"profiles", Json::array()}};
    for_sets({o}, [&](const Observed& observed, const SampleSet& samples, std::size_t left_out,
                      const std::string& label) {
      Json set{{"set", label}, {"left_out", left_out}};
      put_location(set, location(samples, observed.values[o]), observable.periodic);
      put_distribution(set, distribution(samples, observed.values[o], bins));
      json["sets"].push_back(std::move(set));
    });
    for (const AnalysisInput& input : inputs_) {
      if (!input.umbrella.is_null()) add_umbrella_profile(json["profiles"], input, observable, request_);
    }
    return json;
  }

  Json state_json(const std::string& text) const {
    const State state = parse_state(observables(), text, "--state");
    std::vector<std::size_t> which;
    for (const Range& range : state.ranges) which.push_back(index_of(range.observable));
    Json json{{"state", text}, {"sets", Json::array()}};
    for_sets(which, [&](const Observed& observed, const SampleSet& samples, std::size_t left_out,
                        const std::string& label) {
      std::vector<bool> inside(samples.count(), true);
      for (std::size_t r = 0; r < which.size(); ++r) {
        for (std::size_t b = 0; b < inside.size(); ++b)
          inside[b] = inside[b] && state.ranges[r].contains(observed.values[which[r]].values[b]);
      }
      Json set{{"set", label}, {"left_out", left_out}};
      put_state(set, state_estimate(samples, inside));
      json["sets"].push_back(std::move(set));
    });
    for (const AnalysisInput& input : inputs_) {
      if (input.umbrella.is_null() || !is_state_of(input, state)) continue;
      const Json &f = input.umbrella.at("free_energy"),
                 warnings = input.umbrella.value("warnings", Json::array());
      Json set{{"set", label_of(input, "umbrella", request_)},
               {"free_energy", f.at("value")},
               {"free_energy_error", f.at("error")},
               {"doubt", f.at("error").is_null() && !warnings.empty() ? warnings[0] : Json("")}};
      json["sets"].push_back(std::move(set));
    }
    return json;
  }

  /// Whether umbrella sampling has estimated the free energy of this state.
  bool is_state_of(const AnalysisInput& input, const State& state) const {
    if (state.ranges.size() != 1) return false;
    const std::string text = input.umbrella.at("state").get<std::string>();
    const State own = parse_state(input.system.named, text, "system.state");
    return own.ranges[0].observable == state.ranges[0].observable &&
           own.ranges[0].arc.low == state.ranges[0].arc.low &&
           own.ranges[0].arc.high == state.ranges[0].arc.high;
  }

  Json map_json(const std::string& first_text, const std::string& second_text) const {
    const std::size_t first = index_of(first_text), second = index_of(second_text);
    for (const std::size_t o : {first, second}) {
      if (observables()[o].per_sample != 1)
        throw UsageError("--map: '{}' has several values of each sample", observables()[o].name);
    }
    const Bins a = bins_of(first, request_.map_bins), b = bins_of(second, request_.map_bins);
    Json json{{"first", observables()[first].name},
              {"second", observables()[second].name},
              {"first_axis", observables()[first].axis()},
              {"second_axis", observables()[second].axis()},
              {"first_periodic", observables()[first].periodic},
              {"second_periodic", observables()[second].periodic},
              {"first_bins", bins_json(a)},
              {"second_bins", bins_json(b)},
              {"sets", Json::array()}};
    for_sets({first, second}, [&](const Observed& observed, const SampleSet& samples, std::size_t left_out,
                                  const std::string& label) {
      Json set{{"set", label}, {"left_out", left_out}};
      put_map(set, free_energy_map(samples, observed.values[first], observed.values[second], a, b));
      json["sets"].push_back(std::move(set));
    });
    return json;
  }

  AnalysisRequest request_;
  std::vector<AnalysisInput> inputs_;
  std::vector<Observed> observed_;
};

}  // namespace

Json analyse(const AnalysisRequest& request, Reporter& reporter) {
  if (request.inputs.empty()) throw UsageError("analyze: expected something to analyse");
  std::vector<AnalysisInput> inputs;
  for (const std::string& path : request.inputs) {
    for (AnalysisInput& input : read_analysis_inputs(path, request.config, request.mirror_images, reporter))
      inputs.push_back(std::move(input));
  }
  AnalysisRequest full = completed(request, inputs[0]);
  Json json{{"format_version", 1}, {"asked", request_json(request)}};
  json.update(Analysis(std::move(full), std::move(inputs), reporter).json());
  return json;
}

}  // namespace equibolt
