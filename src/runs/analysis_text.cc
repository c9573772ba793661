#include "runs/analysis_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "core/number_text.h"
#include "core/text_table.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

double value_of(const Json& json, const std::string& key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : NAN;
}

/// "1.234 ± 0.040" of KEY and KEY_error, "–" where it is not known.
std::string estimate_text(const Json& json, const std::string& key, double scale = 1) {
  const double value = value_of(json, key) * scale, error = value_of(json, key + "_error") * scale;
  return std::isfinite(value) ? with_error(value, error) : "–";
}

std::string number_text(double value, const char* format) {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "–";
}

std::string sets_text(const Json& sets) {
  TextRows rows{{"set", "samples", "failed", "ESS, %", "k-hat"}};
  std::string warnings;
  for (const Json& set : sets) {
    const std::string label = set.at("label");
    rows.push_back({label, fmt::format("{}", set.at("samples").get<long>()),
                    fmt::format("{}", set.at("failed").get<long>()), estimate_text(set, "ess", 100),
                    number_text(value_of(set, "pareto_k"), "{:.2f}")});
    for (const Json& warning : set.at("warnings"))
      warnings += fmt::format("warning: {}: {}\n", label, warning.get<std::string>());
  }
  std::string text = sets.empty() ? "" : text_table(rows) + warnings;
  for (const auto& [name, what] : {std::pair{"mirrored", "mirror images of the structure"},
                                   std::pair{"other_stereoisomer", "other stereoisomers"},
                                   std::pair{"other_bonds", "configurations of other bonds"}}) {
    for (const Json& set : sets) {
      if (!set.contains("identities") || !set["identities"].contains(name)) continue;
      const std::string label = set.at("label");
      if (value_of(set["identities"], name) > 0) {
        text += fmt::format("{}: {} % {}\n", label, estimate_text(set["identities"], name, 100), what);
      } else if (std::string_view(name) == "mirrored") {
        text += fmt::format("{}: no {}\n", label, what);
      }
    }
  }
  return text;
}

std::string observable_text(const Json& observable) {
  const bool periodic = observable.at("periodic");
  TextRows rows{{"set", "mean", periodic ? "resultant length" : "standard deviation", "effective samples"}};
  std::string notes;
  for (const Json& set : observable.at("sets")) {
    const std::string label = set.at("set");
    rows.push_back(
        {label, estimate_text(set, "mean"),
         number_text(value_of(set, periodic ? "resultant_length" : "standard_deviation"), "{:.4g}"),
         number_text(value_of(set, "effective_samples"), "{:.0f}")});
    if (set.at("left_out") > 0) {
      notes += fmt::format("warning: {}: {} samples without a finite value are left out\n", label,
                           set.at("left_out").get<long>());
    }
  }
  for (const Json& profile : observable.at("profiles"))
    rows.push_back({profile.at("set").get<std::string>(), "(profile only)"});
  const std::string definition = observable.at("definition"), name = observable.at("name"),
                    unit = observable.at("unit");
  return fmt::format("\n{}{}{}\n{}{}", name, definition == name ? "" : ": " + definition,
                     unit.empty() ? "" : ", " + unit, text_table(rows), notes);
}

std::string state_text(const Json& state) {
  TextRows rows{{"set", "P", "ΔF, kT", ""}};
  for (const Json& set : state.at("sets")) {
    const std::string doubt = set.at("doubt");
    rows.push_back({set.at("set").get<std::string>(), estimate_text(set, "population"),
                    estimate_text(set, "free_energy"), doubt.empty() ? "" : "no error bar: " + doubt});
  }
  return fmt::format("\nstate {}: ΔF = −ln(P/(1−P))\n{}", state.at("state").get<std::string>(),
                     text_table(rows));
}

std::string csv_number(const Json& json) {
  return json.is_number() ? fmt::format("{:.9g}", json.get<double>()) : "";
}

double centre_of(const Json& bins, std::size_t bin) {
  const double low = bins.at("low"), high = bins.at("high"), count = bins.at("count");
  return low + (static_cast<double>(bin) + 0.5) * (high - low) / count;
}

TextRows bins_table(const Json& observable) {
  TextRows rows{{observable.at("name").get<std::string>()}};
  const std::size_t bins = observable.at("bins").at("count");
  for (std::size_t b = 0; b < bins; ++b)
    rows.push_back({fmt::format("{:.9g}", centre_of(observable.at("bins"), b))});
  for (const Json& set : observable.at("sets")) {
    for (const char* column : {"density", "density_error", "free_energy", "free_energy_error"}) {
      rows[0].push_back(fmt::format("{} {}", set.at("set").get<std::string>(), column));
      for (std::size_t b = 0; b < bins; ++b) rows[b + 1].push_back(csv_number(set.at(column)[b]));
    }
  }
  return rows;
}

TextRows profile_table(const Json& profile) {
  TextRows rows(1);
  for (const Json& column : profile.at("columns")) rows[0].push_back(column.get<std::string>());
  for (const Json& row : profile.at("rows")) {
    rows.emplace_back();
    for (const Json& value : row) rows.back().push_back(csv_number(value));
  }
  return rows;
}

TextRows map_table(const Json& map) {
  TextRows rows{{map.at("first").get<std::string>(), map.at("second").get<std::string>()}};
  const std::size_t first = map.at("first_bins").at("count"), second = map.at("second_bins").at("count");
  for (std::size_t k = 0; k < first * second; ++k) {
    rows.push_back({fmt::format("{:.9g}", centre_of(map.at("first_bins"), k / second)),
                    fmt::format("{:.9g}", centre_of(map.at("second_bins"), k % second))});
  }
  for (const Json& set : map.at("sets")) {
    for (const char* column : {"free_energy", "free_energy_error"}) {
      rows[0].push_back(fmt::format("{} {}", set.at("set").get<std::string>(), column));
      for (std::size_t k = 0; k < first * second; ++k) rows[k + 1].push_back(csv_number(set.at(column)[k]));
    }
  }
  return rows;
}

}  // namespace

std::string file_name_of(const std::string& observable) {
  std::string name;
  for (const char c : observable) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
    name += plain ? c : '-';
  }
  return name;
}

std::string analysis_text(const Json& analysis) {
  std::string text = sets_text(analysis.at("sets"));
  for (const Json& observable : analysis.at("observables")) text += observable_text(observable);
  for (const Json& state : analysis.at("states")) text += state_text(state);
  return text;
}

std::vector<std::pair<std::string, std::string>> analysis_tables(const Json& analysis) {
  std::vector<std::pair<std::string, std::string>> tables;
  TextRows means{{"observable", "set", "mean", "mean_error", "standard_deviation", "resultant_length",
                  "effective_samples", "left_out"}};
  for (const Json& observable : analysis.at("observables")) {
    const std::string name = observable.at("name");
    for (const Json& set : observable.at("sets")) {
      std::vector<std::string> row{name, set.at("set").get<std::string>()};
      for (std::size_t c = 2; c < means[0].size(); ++c)
        row.push_back(csv_number(set.value(means[0][c], Json())));
      means.push_back(std::move(row));
    }
    if (!observable.at("sets").empty())
      tables.emplace_back(file_name_of(name) + ".csv", csv_table(bins_table(observable)));
    for (const Json& profile : observable.at("profiles")) {
      tables.emplace_back(
          fmt::format("{}-{}.csv", file_name_of(name), file_name_of(profile.at("set").get<std::string>())),
          csv_table(profile_table(profile)));
    }
  }
  tables.emplace_back("means.csv", csv_table(means));
  TextRows states{{"state", "set", "population", "population_error", "free_energy", "free_energy_error"}};
  for (const Json& state : analysis.at("states")) {
    for (const Json& set : state.at("sets")) {
      std::vector<std::string> row{state.at("state").get<std::string>(), set.at("set").get<std::string>()};
      for (std::size_t c = 2; c < states[0].size(); ++c)
        row.push_back(csv_number(set.value(states[0][c], Json())));
      states.push_back(std::move(row));
    }
  }
  if (states.size() > 1) tables.emplace_back("states.csv", csv_table(states));
  for (const Json& map : analysis.at("maps")) {
    tables.emplace_back(fmt::format("map-{}-{}.csv", file_name_of(map.at("first").get<std::string>()),
                                    file_name_of(map.at("second").get<std::string>())),
                        csv_table(map_table(map)));
  }
  return tables;
}

}  // namespace equibolt
