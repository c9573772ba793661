#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/number_text.h"
#include "core/text_table.h"
#include "report/comparison.h"
#include "report/comparison_rows.h"
#include "report/published.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

double number(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : NAN;
}

/// "1.234 ± 0.040", "1.2 ± 0.1 (3)" of the mean of three, "–" for null.
std::string value_text(const Json& json, const ComparedQuantity& quantity) {
  if (json.is_null()) return "–";
  const double value = number(json, "value") * quantity.scale;
  const double deviation = number(json, "deviation") * quantity.scale;
  const bool large = std::abs(value) >= 1e6;  // a count, of which all digits would be in the way
  if (std::isfinite(deviation) && large)
    return fmt::format("{:.3g} ± {:.1g} ({})", value, deviation, json.at("runs").get<int>());
  if (std::isfinite(deviation)) {
    const int without = json.value("without_error_bar", 0);
    return fmt::format("{} ({}{})", with_error(value, deviation), json.at("runs").get<int>(),
                       without > 0 ? fmt::format(", {} without error bar", without) : "");
  }
  if (!json.contains("error")) return fmt::format("{:.4g}", value);
  const double error = number(json, "error") * quantity.scale;
  return with_error(value, std::isfinite(error) ? error : INFINITY);
}

std::string published_value(const Json& values, const ComparedQuantity& quantity) {
  const auto found = values.find(quantity.name);
  if (found == values.end()) return "–";
  const double error = number(*found, "error");
  return published_text({number(*found, "value"), std::isfinite(error) ? error : INFINITY}, quantity.scale);
}

/// Which of the quantities any row has.
std::vector<ComparedQuantity> shown_quantities(const Json& system) {
  std::vector<ComparedQuantity> shown;
  for (const ComparedQuantity& quantity : compared_quantities()) {
    const auto has = [&](const Json& group) { return !group.at("values").at(quantity.name).is_null(); };
    if (std::ranges::any_of(system.at("groups"), has)) shown.push_back(quantity);
  }
  return shown;
}

}  // namespace

std::string title_of(const Json& system) {
  return fmt::format("{}{}: {} particles in {} dimensions",
                     system.at("preset").is_string() && !system.at("preset").get<std::string>().empty()
                         ? system.at("preset").get<std::string>() + ", "
                         : "",
                     system.at("system").get<std::string>(), system.at("particles").get<std::size_t>(),
                     system.at("dim").get<std::size_t>());
}

TextRows comparison_rows(const Json& system) {
  const auto known = known_by(system);
  TextRows rows{{""}};
  for (const Json& group : system.at("groups")) rows[0].push_back(group.at("label").get<std::string>());
  for (const auto& [by, values] : known) rows[0].push_back("known, by " + by);
  for (const ComparedQuantity& quantity : shown_quantities(system)) {
    rows.push_back({quantity.title});
    for (const Json& group : system.at("groups"))
      rows.back().push_back(value_text(group.at("values").at(quantity.name), quantity));
    for (const auto& [by, values] : known) {
      const auto found = values.find(quantity.name);
      rows.back().push_back(
          found == values.end() ? "–" : known_text({number(*found, "value"), number(*found, "error")}));
    }
  }
  return rows;
}

TextRows published_rows(const Json& system) {
  std::vector<ComparedQuantity> given;
  for (const ComparedQuantity& quantity : shown_quantities(system)) {
    const auto gives = [&](const Json& result) { return result.at("values").contains(quantity.name); };
    if (std::ranges::any_of(system.at("published"), gives)) given.push_back(quantity);
  }
  TextRows rows{{"published"}};
  for (const ComparedQuantity& quantity : given) rows[0].push_back(quantity.title);
  rows[0].push_back("source");
  for (const Json& result : system.at("published")) {
    const Json& values = result.at("values");
    const auto has = [&](const ComparedQuantity& quantity) { return values.contains(quantity.name); };
    if (!std::ranges::any_of(given, has)) continue;
    rows.push_back({result.at("model").get<std::string>()});
    for (const ComparedQuantity& quantity : given) rows.back().push_back(published_value(values, quantity));
    const auto remark = result.at("remark").get<std::string>();
    rows.back().push_back(fmt::format("{}{}{}", result.at("source").get<std::string>(),
                                      result.at("evidence") == "read" ? "" : ", quoted by others",
                                      remark.empty() ? "" : "; " + remark));
  }
  return rows;
}

std::vector<std::pair<std::string, Json>> known_by(const Json& system) {
  std::vector<std::pair<std::string, Json>> by;
  for (const auto& [name, known] : system.at("known").items()) {
    const auto word = known.at("by").get<std::string>();
    auto found = std::ranges::find(by, word, &std::pair<std::string, Json>::first);
    if (found == by.end()) found = by.insert(by.end(), {word, Json::object()});
    found->second[name] = known;
  }
  return by;
}

TextRows settings_rows(const Json& system) {
  const Json& groups = system.at("groups");
  TextRows rows{{"setting"}};
  for (const Json& group : groups) rows[0].push_back(group.at("label").get<std::string>());
  for (const auto& [key, value] : groups[0].at("settings").items()) {
    rows.push_back({key});
    for (const Json& group : groups) {
      const Json& text = group.at("settings").at(key);
      rows.back().push_back(text.is_string() ? text.get<std::string>() : "–");
    }
  }
  return rows;
}

std::vector<std::string> comparison_doubts(const Json& system) {
  std::vector<std::string> doubts;
  for (const Json& group : system.at("groups")) {
    std::map<std::uint64_t, std::string> seeds;
    for (const Json& run : group.at("runs")) {
      const auto [known, is_new] = seeds.emplace(run.at("seed"), run.at("path"));
      if (!is_new) {
        doubts.push_back(fmt::format("{} and {} have the same seed: their results are not independent",
                                     known->second, run.at("path").get<std::string>()));
      }
    }
    for (const Json& run : group.at("runs")) {
      const auto path = run.at("path").get<std::string>();
      if (!run.at("evaluated").get<bool>()) {
        doubts.push_back(path + " has not been evaluated yet");
        continue;
      }
      const auto verdict = run.at("trusted") == Json(false) ? run.at("verdict").get<std::string>() : "";
      const std::string reason = verdict.substr(std::min(verdict.find(", because ") + 10, verdict.size()));
      const auto says_so = [&](const Json& warning) {
        return warning.get<std::string>().find(reason) != std::string::npos;
      };
      if (!verdict.empty() && std::ranges::none_of(run.at("warnings"), says_so))
        doubts.push_back(path + ": " + verdict);
      for (const Json& warning : run.at("warnings"))
        doubts.push_back(path + ": " + warning.get<std::string>());
    }
  }
  return doubts;
}

std::string comparison_text(const Json& comparison) {
  std::string text;
  for (const Json& system : comparison.at("systems")) {
    text += fmt::format("{}{}\n", text.empty() ? "" : "\n", title_of(system));
    for (const std::string& doubt : comparison_doubts(system)) text += "warning: " + doubt + '\n';
    text += text_table(comparison_rows(system));
    for (const TextRows& rows : {settings_rows(system), published_rows(system)}) {
      if (rows.size() > 1) text += '\n' + text_table(rows);
    }
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> comparison_tables(const Json& comparison) {
  TextRows values{{"system", "group", "quantity", "value", "error", "deviation", "runs"}};
  TextRows published{{"system", "model", "quantity", "value", "error", "source", "evidence", "remark"}};
  TextRows costs{{"run", "stage", "seconds", "energies", "gradients"}};
  const auto cell = [](const Json& json, const char* key) {
    const double value = number(json, key);
    return std::isfinite(value) ? fmt::format("{:.9g}", value) : std::string();
  };
  for (const Json& system : comparison.at("systems")) {
    const std::string title = title_of(system);
    for (const Json& group : system.at("groups")) {
      for (const auto& [name, json] : group.at("values").items()) {
        if (json.is_null()) continue;
        values.push_back({title, group.at("label").get<std::string>(), name, cell(json, "value"),
                          cell(json, "error"), cell(json, "deviation"), cell(json, "runs")});
      }
      for (const Json& run : group.at("runs")) {
        for (const Json& cost : run.at("costs")) {
          costs.push_back({run.at("path").get<std::string>(), cost.at("stage").get<std::string>(),
                           cell(cost, "seconds"), cell(cost, "energies"), cell(cost, "gradients")});
        }
      }
    }
    for (const Json& result : system.at("published")) {
      for (const auto& [name, json] : result.at("values").items()) {
        published.push_back({title, result.at("model").get<std::string>(), name, cell(json, "value"),
                             cell(json, "error"), result.at("source").get<std::string>(),
                             result.at("evidence").get<std::string>(),
                             result.at("remark").get<std::string>()});
      }
    }
  }
  return {{"values.csv", csv_table(values)},
          {"published.csv", csv_table(published)},
          {"costs.csv", csv_table(costs)}};
}

}  // namespace equibolt
