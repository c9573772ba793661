#pragma once

#include <span>
#include <string>

#include "io/atomic_file.h"

namespace equibolt {

bool is_gzip(std::span<const std::uint8_t> bytes);
/// The content of a gzip file, of one member or several. Throws DataError where it is damaged, or larger than
/// 64 MiB + 100 times its compressed size.
std::string gunzipped(std::span<const std::uint8_t> bytes, const std::string& origin);

}  // namespace equibolt
