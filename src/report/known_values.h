#pragma once

#include <string>

namespace equibolt {

/// For each system of which something is known: values with their errors and how they were had, and what
/// others have published, with its source.
std::string known_values_text();

}  // namespace equibolt
