#pragma once

#include <cstdint>
#include <string>

#include "io/npy.h"

namespace equibolt {

// Every file that the program writes has a format version, so that a later format is refused and not misread.
constexpr std::int64_t kSamplesVersion = 1;

/// Throws DataError where the array is no version from 1 to `highest`.
void require_version(const Array& version, std::int64_t highest, const std::string& origin);
void require_version(std::int64_t version, std::int64_t highest, const std::string& origin);

}  // namespace equibolt
