#include "report/known_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/text_table.h"
#include "report/comparison.h"
#include "report/published.h"

namespace equibolt {
namespace {

/// The published values of a system: a column for each quantity that anyone gives.
TextRows published_rows(const KnownSystem& system) {
  TextRows rows{{"published"}};
  std::vector<ComparedQuantity> shown;
  for (const ComparedQuantity& quantity : compared_quantities()) {
    const auto gives = [&](const PublishedResult& result) { return result.values.contains(quantity.name); };
    if (!std::ranges::any_of(system.published, gives)) continue;
    shown.push_back(quantity);
    rows[0].push_back(quantity.title);
  }
  rows[0].push_back("source");
  for (const PublishedResult& result : system.published) {
    rows.push_back({result.model});
    for (const ComparedQuantity& quantity : shown) {
      const auto found = result.values.find(quantity.name);
      rows.back().push_back(found == result.values.end() ? "–"
                                                         : published_text(found->second, quantity.scale));
    }
    rows.back().push_back(fmt::format("{}{}{}", result.source,
                                      result.evidence == "read" ? "" : ", quoted by others",
                                      result.remark.empty() ? "" : "; " + result.remark));
  }
  return rows;
}

}  // namespace

std::string known_values_text() {
  std::string text;
  for (const KnownSystem& system : known_systems()) {
    text += fmt::format("{}{}\n", text.empty() ? "" : "\n", system.preset);
    TextRows rows{{"known", "value", "by"}};
    for (const auto& [name, known] : system.values)
      rows.push_back({name, known_text(known.estimate), fmt::format("{}: {}", known.by, known.how)});
    if (rows.size() > 1) text += text_table(rows);
    if (!system.published.empty()) text += text_table(published_rows(system));
  }
  return text;
}

}  // namespace equibolt
