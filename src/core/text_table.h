#pragma once

#include <string>
#include <vector>

namespace equibolt {

/// Rows of cells; the first row is the head.
using TextRows = std::vector<std::vector<std::string>>;

/// For people: columns aligned to the left, two blanks between and before.
std::string text_table(const TextRows& rows);

/// For programs: cells separated by commas, and in quotes where they hold what separates cells (RFC 4180).
std::string csv_table(const TextRows& rows);

}  // namespace equibolt
