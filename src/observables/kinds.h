#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observables/observable.h"

namespace equibolt {

/// The words that an observable's definition may begin with.
std::vector<std::string_view> observable_kinds();

/// The observable of a definition "KIND ARGUMENTS", see parse_observable, with a name made of it; nothing for
/// a word that is no kind. Throws UsageError for wrong arguments, and as read_structure and
/// read_configurations.
std::optional<Observable> make_observable(const ObservedSystem& system, const std::string& definition);

}  // namespace equibolt
